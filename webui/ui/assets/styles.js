// Styles: saved words around the prompt. Chosen ones are chips; the dialog chooses, saves and deletes.

import { get, post, remove } from './api.js';
import { forgetWords } from './complete.js';
import { clampText, icon, make } from './dom.js';
import { values } from './form.js';
import { setSlot, slotValue } from './slots.js';
import { toast } from './toast.js';

export function mount({ element }, { tab, help }) {
  const row = element.querySelector('.ez-styles');
  const add = make('button', { type: 'button', className: 'ez-button ez-styles-open', title: help, onclick: () => choose(tab) }, icon('style'), make('span', { textContent: 'Styles' }));
  const chips = make('div', { className: 'ez-chips', role: 'list' });
  row.append(add, chips);
  let shown = null;
  const render = () => {
    const names = chosenIn(tab);
    if (shown === (shown = JSON.stringify(names))) return;
    chips.replaceChildren(...names.map((name) => chip(tab, name)));
  };
  for (const kind of ['easel:slot', 'easel:form']) document.addEventListener(kind, (event) => { if (event.detail.tab === tab) render(); });
  render();
}

const chosenIn = (tab) => slotValue(tab, 'styles') ?? [];

function use(tab, name, used) {
  const others = chosenIn(tab).filter((other) => other !== name);
  setSlot(tab, 'styles', used ? [...others, name] : others);
}

function chip(tab, name) {
  const drop = make('button', { type: 'button', 'aria-label': `Without the style ${name}`, onclick: () => use(tab, name, false) }, icon('close'));
  return make('span', { className: 'ez-chip', role: 'listitem' }, make('span', { textContent: name, title: name }), drop);
}

function choose(tab) {
  document.getElementById('ez-styles-dialog')?.remove();
  const list = make('div', { className: 'ez-style-list' });
  const close = make('button', { type: 'button', className: 'ez-icon', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'));
  const dialog = make('dialog', { id: 'ez-styles-dialog', className: 'ez-dialog ez-styles-dialog', 'aria-label': 'Styles' },
    make('header', {}, make('h2', { textContent: 'Styles' }), close), list, saving(tab, list));
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  fill(tab, list);
}

async function fill(tab, list) {
  try {
    const styles = await get('/styles');
    list.replaceChildren(...(styles.length ? styles.map((style) => entry(tab, list, style)) : [empty()]));
  } catch (error) {
    list.replaceChildren(make('p', { textContent: error.message }));
  }
}

const empty = () => make('p', { className: 'ez-style-none', textContent: 'No style is saved yet. Write words into the prompt, {prompt} where the rest shall go, and save them here.' });

function entry(tab, list, style) {
  const box = make('input', { type: 'checkbox', checked: chosenIn(tab).includes(style.name), onchange: () => use(tab, style.name, box.checked) });
  const said = [style.prompt, style.negative_prompt && `not: ${style.negative_prompt}`].filter(Boolean).join(' · ');
  const bin = make('button', { type: 'button', className: 'ez-icon', title: 'Delete', 'aria-label': `Delete the style ${style.name}`, onclick: () => discard(tab, list, style) }, icon('trash'));
  return make('div', { className: 'ez-style' },
    make('label', {}, box, make('span', {}, make('strong', { textContent: style.name }), make('small', { textContent: clampText(said, 160) }))), bin);
}

async function discard(tab, list, style) {
  try {
    await remove(`/styles/${encodeURIComponent(style.name)}`);
    use(tab, style.name, false);
    toast(`Style “${style.name}” deleted`, { title: 'Undo', run: () => keep(style).then(() => fill(tab, list)) });
  } catch (error) {
    toast(error.message);
  }
  saved(tab, list);
}

function saving(tab, list) {
  const name = make('input', { type: 'text', placeholder: 'Name', 'aria-label': 'Name of the new style', maxLength: 200, required: true });
  const form = make('form', { className: 'ez-style-save' }, name, make('button', { type: 'submit', className: 'ez-button', textContent: 'Save the prompt' }));
  const said = make('p', { className: 'ez-style-said', role: 'alert' });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { prompt, negative_prompt } = values(tab);
    said.textContent = '';
    try {
      await keep({ name: name.value.trim(), prompt: prompt ?? '', negative_prompt: negative_prompt ?? '' });
      name.value = '';
      saved(tab, list);
    } catch (error) {
      said.textContent = error.message;
    }
  });
  return make('footer', {}, form, said);
}

const keep = (style) => post('/styles', style);

function saved(tab, list) {
  forgetWords();
  document.dispatchEvent(new CustomEvent('easel:words'));
  fill(tab, list);
}
