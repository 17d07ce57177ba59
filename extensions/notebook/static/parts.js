// What the tab and the panel share: elements, the list of notes, and putting one into a form.

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const button = (textContent, onclick, title = textContent) => make('button', { type: 'button', className: 'ez-button', textContent, title, onclick });

/** Notes that say all of the words, newest first. */
export const find = (easel, words) => easel.get(`/notes?find=${encodeURIComponent(words)}`);

/** Put a note's words into the form in use, or of a tab. */
export function insert(easel, { prompt, negative_prompt }, form) {
  easel.form.set(negative_prompt ? { prompt, negative_prompt } : { prompt }, form);
}

/** A field that searches while it is written in. */
export function search(label, changed) {
  let timer = null;
  const field = make('input', { type: 'text', role: 'searchbox', placeholder: label, ariaLabel: label });
  field.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(() => changed(field.value), 200); });
  return field;
}

/** A note as a list has it. */
export function entry({ text, prompt, picture }, ...buttons) {
  const image = picture ? [make('img', { src: `/api/v1/pictures/${picture}/thumbnail?size=128`, alt: '', loading: 'lazy', onerror() { this.remove(); } })] : [];
  const words = make('div', { className: 'notebook-words' }, ...(text ? [make('p', { textContent: text })] : []), ...(prompt ? [make('p', { className: 'notebook-prompt', textContent: prompt })] : []));
  return make('li', {}, ...image, words, make('div', { className: 'notebook-buttons' }, ...buttons));
}
