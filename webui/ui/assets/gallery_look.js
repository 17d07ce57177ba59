// One picture of the gallery large, with its parameters and what can be done with it; arrows go on to the next one.

import { copyParameters, restore } from './actions.js';
import { address, get } from './api.js';
import { icon, iconButton, make } from './dom.js';
import { SENT_TO, sendTo, sendingTabs } from './sending.js';

const AHEAD = 8; // tiles before the last one at which further pictures are fetched

/** Show a picture of the wall. */
export function look(view, picture) {
  const state = { view, image: make('img', { alt: '' }), text: make('pre'), actions: make('div', { className: 'ez-look-actions' }) };
  state.steps = [['newer', 'Newer picture (←)', -1], ['older', 'Older picture (→)', 1]].map(([name, title, by]) =>
    make('button', { type: 'button', className: 'ez-look-step', title, 'aria-label': title, onclick: () => step(state, by) }, icon(name)));
  state.dialog = make('dialog', { className: 'ez-look', tabIndex: -1, 'aria-label': 'Picture' },
    make('button', { type: 'button', className: 'ez-icon ez-look-close', 'aria-label': 'Close', onclick: () => state.dialog.close() }, icon('close')),
    make('div', { className: 'ez-look-picture' }, state.image, ...state.steps),
    make('div', { className: 'ez-look-side' }, state.text, state.actions));
  const keys = { ArrowLeft: () => step(state, -1), ArrowRight: () => step(state, 1), Delete: () => drop(state) };
  state.dialog.addEventListener('keydown', (event) => {
    if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  state.dialog.addEventListener('click', (event) => { if (event.target === state.dialog) state.dialog.close(); });
  state.dialog.addEventListener('close', () => { state.dialog.remove(); view.wall.focus(state.picture); });
  document.body.append(state.dialog);
  state.dialog.showModal();
  show(state, picture);
}

function step(state, by) {
  const { at, items } = state.view.wall;
  const next = items[at.get(state.picture.id) + by];
  if (next) show(state, next);
}

async function show(state, picture) {
  const act = (then) => () => { state.dialog.close(); then(); };
  state.picture = picture;
  state.view.wall.reveal(picture);
  state.image.src = address(`/pictures/${picture.id}`);
  state.actions.replaceChildren(
    ...sendingTabs().map((tab) => iconButton(SENT_TO[tab], `To ${tab}`, act(() => sendTo(tab, picture)))),
    iconButton('restore', 'Restore parameters', act(() => restore(picture))),
    iconButton('copy', 'Copy parameters', () => copyParameters(picture)),
    make('a', { className: 'ez-button', href: address(`/pictures/${picture.id}`), download: '' }, icon('download'), make('span', { textContent: 'Download' })),
    iconButton('trash', 'Delete', () => drop(state)));
  arrange(state);
  const told = await get(`/pictures/${picture.id}/parameters`).then((answer) => answer.infotext).catch((error) => error.message);
  if (state.picture === picture) state.text.textContent = told;
}

/** Which ways one can go; where the end comes near, more are fetched. */
async function arrange(state) {
  const ends = () => {
    const { at: places, items } = state.view.wall;
    const at = places.get(state.picture.id);
    [state.steps[0].disabled, state.steps[1].disabled] = [at <= 0, at === items.length - 1];
    if (!state.dialog.querySelector(':focus:enabled')) state.dialog.focus(); // so that keys stay here
    return items.length - at;
  };
  if (ends() > AHEAD || state.view.done) return;
  await state.view.more();
  ends();
}

/** Delete it, with Undo instead of a question, and go on to the next one. */
function drop(state) {
  const { view, picture } = state;
  const { at, items } = view.wall;
  const here = at.get(picture.id);
  const next = items[here + 1] ?? items[here - 1];
  view.choice.forget(picture);
  view.drop([picture], () => { if (state.dialog.open) show(state, picture); });
  if (next) show(state, next); else state.dialog.close();
}
