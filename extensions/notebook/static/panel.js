// In the forms: a search whose notes go into the prompt.

import { button, entry, find, insert, make, search } from './parts.js';

const SHOWN = 5;

export async function mount(element, easel) {
  easel.style('notebook.css');
  const list = make('ul', { ariaLabel: 'Notes found' });
  const show = async (words) => {
    const notes = (await find(easel, words)).filter((note) => note.prompt).slice(0, SHOWN);
    list.replaceChildren(...notes.map((note) => entry(note, button('Use', () => insert(easel, note)))));
  };
  element.append(make('div', { className: 'notebook notebook-panel' }, search('Search the notes', show), list));
  await show('');
}
