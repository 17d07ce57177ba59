// The gallery's search field: what is written there is asked for a moment after the last letter, or at once by Enter.

import { icon, make } from './dom.js';

const WAIT = 250;
const KEYS = [
  ['boat sail', 'both in the prompt; beginnings of words suffice'],
  ['"red sail"', 'so, and whole'],
  ['-night', 'not there'],
  ['model:  sampler:  negative:', 'words of these'],
  ['seed:7', 'drawn from this seed'],
  ['date:2026-11-27  after:2026-10  before:2026', 'drawn then'],
];

/** A field that tells of what shall be searched; `said` is where the gallery says what was found. */
export function searchField(search) {
  let timer = null;
  let asked = '';
  const ask = () => {
    clearTimeout(timer);
    const wanted = input.value.trim();
    if (wanted === asked) return;
    asked = wanted;
    search(wanted);
  };
  const input = make('input', { type: 'search', maxLength: 500, placeholder: 'Search prompts', 'aria-label': 'Search pictures', 'aria-describedby': 'ez-gallery-keys', autocomplete: 'off', spellcheck: false,
    oninput: () => { clearTimeout(timer); timer = setTimeout(ask, input.value ? WAIT : 0); },
    onkeydown: (event) => {
      if (event.key === 'Enter') ask();
      else if (event.key === 'Escape' && input.value) { event.stopPropagation(); event.preventDefault(); input.value = ''; ask(); }
    } });
  const said = make('output', { className: 'ez-gallery-said' });
  const keys = make('details', { className: 'ez-gallery-keys' },
    make('summary', { title: 'What can be searched for', 'aria-label': 'What can be searched for' }, icon('help')),
    keyList());
  const element = make('search', { className: 'ez-gallery-bar' }, input, keys, said);
  const write = (text) => { input.value = text; input.focus(); ask(); };
  return { element, input, said, write };
}

function keyList() {
  return make('dl', { id: 'ez-gallery-keys' }, ...KEYS.map(([keys, meaning]) => make('div', {}, make('dt', { textContent: keys }), make('dd', { textContent: meaning }))));
}

/** What stands in the place of pictures: none yet, none of what was asked, or why it could not be asked. */
export function emptyGallery(asked, problem, clear) {
  if (problem) return make('p', { textContent: problem });
  if (!asked) return make('p', { textContent: 'No pictures yet. What you generate appears here.' });
  return make('div', {}, make('p', { textContent: `No picture was found for “${asked}”.` }),
    make('button', { type: 'button', className: 'ez-button', textContent: 'Show all pictures', onclick: clear }));
}
