// The notebook: write, search, put back, throw away.

import { button, entry, find, insert, make, search } from './parts.js';

export async function mount(element, easel) {
  easel.style('notebook.css');
  const text = make('textarea', { rows: 2, placeholder: 'A note', ariaLabel: 'A note' });
  const prompt = make('textarea', { rows: 2, placeholder: 'A prompt that goes with it', ariaLabel: 'A prompt that goes with it' });
  const list = make('ul', { ariaLabel: 'Notes' });
  let words = '';
  const show = async () => {
    const notes = await find(easel, words);
    list.replaceChildren(...notes.map((note) => row(note)));
    if (!notes.length) list.append(make('li', { className: 'notebook-none', textContent: words ? 'No note says that.' : 'Nothing noted yet. Write above, or press Note below a picture.' }));
  };
  const keep = async () => {
    if (!text.value.trim() && !prompt.value.trim()) return;
    await easel.post('/notes', { text: text.value.trim(), prompt: prompt.value.trim() });
    text.value = prompt.value = '';
    await show();
  };
  const use = (note) => { insert(easel, note, 'txt2img'); easel.openTab('txt2img'); };
  const drop = async ({ id, text, prompt, negative_prompt, picture }) => {
    await easel.remove(`/notes/${id}`);
    await show();
    easel.toast('Thrown away.', { title: 'Undo', run: async () => { await easel.post('/notes', { text, prompt, negative_prompt, picture }); await show(); } });
  };
  const row = (note) => entry(note, ...(note.prompt ? [button('Use', () => use(note), 'Put it into txt2img')] : []), button('Delete', () => drop(note)));
  element.append(make('section', { className: 'notebook' }, make('h2', { textContent: 'Notebook' }),
    make('div', { className: 'notebook-new' }, text, prompt, button('Keep', keep)), search('Search the notes', (given) => { words = given; show(); }), list));
  easel.on('tab', ({ tab }) => { if (tab === 'notebook-notes') show(); });
  await show();
}
