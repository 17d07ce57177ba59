// Pictures of the gallery that are selected, to be downloaded or deleted together.

import { discard } from './actions.js';
import { address, blobOf } from './api.js';
import { download, icon, iconButton, make } from './dom.js';
import { telling } from './toast.js';

const MOST = 500; // pictures in a file

/** What is selected, and the bar that says so and acts on it. */
export function choice(view) {
  const state = { view, chosen: new Map(), last: null, on: false };
  state.said = make('output');
  state.start = make('button', { type: 'button', className: 'ez-button', textContent: 'Select', hidden: true, 'aria-pressed': 'false', onclick: () => (state.on ? clear(state) : choose(state, true)) });
  state.bar = make('div', { className: 'ez-chosen', role: 'toolbar', 'aria-label': 'Selected pictures', hidden: true }, state.said,
    iconButton('download', 'Download', () => save([...state.chosen.values()])),
    iconButton('trash', 'Delete', () => drop(state)),
    make('button', { type: 'button', className: 'ez-icon', title: 'Select none (Esc)', 'aria-label': 'Select none', onclick: () => clear(state) }, icon('close')));
  view.root.addEventListener('keydown', (event) => pressed(state, event));
  return {
    element: [state.start, state.bar],
    /** There is something to select, or nothing. */
    offer: (some) => { state.start.hidden = !some; },
    clear: () => clear(state),
    forget: (picture) => { state.chosen.delete(picture.id); render(state); },
    /** A picture's tile was pressed: whether that selects. */
    takes: (event, picture) => {
      const selects = state.on || event.ctrlKey || event.metaKey || event.shiftKey;
      if (selects) toggle(state, picture, event.shiftKey);
      return selects;
    },
    toggle: (picture, range) => toggle(state, picture, range),
    mark: (element, picture) => { element.querySelector('.ez-tile-mark').checked = state.chosen.has(picture.id); },
  };
}

/** Select it or no longer; or all from the last one to it. */
function toggle(state, picture, range) {
  const { chosen, view } = state;
  const { at, items } = view.wall;
  const [from, to] = [at.get(state.last), at.get(picture.id)].sort((a, b) => a - b);
  if (range && from !== undefined && to !== undefined) for (const each of items.slice(from, to + 1)) chosen.set(each.id, each);
  else if (!chosen.delete(picture.id)) chosen.set(picture.id, picture);
  state.last = picture.id;
  choose(state, state.on || chosen.size > 0);
}

/** Whether a tile that is pressed is selected. */
function choose(state, on) {
  state.on = on;
  render(state);
}

function clear(state) {
  state.chosen.clear();
  state.last = null;
  choose(state, false);
}

function render(state) {
  const { chosen, view } = state;
  state.start.setAttribute('aria-pressed', String(state.on));
  state.bar.hidden = !chosen.size;
  state.said.textContent = `${chosen.size} selected`;
  view.wall.element.dataset.choosing = state.on;
  view.wall.draw();
}

function pressed(state, event) {
  const { chosen, view } = state;
  const act = { Escape: chosen.size || state.on ? () => clear(state) : null, Delete: chosen.size ? () => drop(state) : null }[event.key];
  const all = event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey) && view.wall.element.contains(event.target);
  if (all) { for (const each of view.wall.items) chosen.set(each.id, each); choose(state, true); }
  else if (act && !event.target.matches('input:not([type=checkbox])')) act();
  else return;
  event.preventDefault();
}

/** Delete what is selected, with Undo instead of a question. */
function drop(state) {
  const pictures = [...state.chosen.values()];
  clear(state);
  state.view.drop(pictures);
}

/** One as it is, several in one file. */
const save = (pictures) => telling(async () => {
  if (pictures.length === 1) { make('a', { href: address(`/pictures/${pictures[0].id}`), download: '' }).click(); return; }
  if (pictures.length > MOST) throw new Error(`${pictures.length} pictures are selected; ${MOST} at most go into a file. Select fewer.`);
  download(await blobOf('/pictures/archive', { pictures: pictures.map(({ id }) => id) }), 'pictures.zip');
});
