// Results that are staged over the canvas: step through them, accept one as the new picture, discard.
// They are the pictures of jobs that began with the picture on the canvas, so undo brings them back.

import { post } from '../api.js';
import { make } from '../dom.js';
import * as store from '../store.js';
import { toast } from '../toast.js';
import { frameOf, isFramed, outerOf } from './frame.js';
import { icon } from './icons.js';
import { pictureOf } from './keeping.js';
import { placed } from './raster.js';

export function candidates(desk) {
  const state = { desk, shown: null, seen: null, discarded: new Set(), images: new Map(), wanted: '' };
  const said = make('span', { role: 'status' });
  const button = (name, title, act) => make('button', { type: 'button', className: 'ez-canvas-button', title, 'aria-label': title, onclick: act }, icon(name));
  const show = make('button', { type: 'button', className: 'ez-canvas-word', textContent: 'Show', onclick: () => choose(state, list(state)[0]?.id ?? null) });
  const steps = [button('newer', 'Candidate before (←)', () => step(state, -1)), button('older', 'Next candidate (→)', () => step(state, 1))];
  const decide = [
    make('button', { type: 'button', className: 'ez-canvas-word ez-canvas-strong', textContent: 'Accept', title: 'Make it the picture (Enter)', onclick: () => accept(state) }),
    make('button', { type: 'button', className: 'ez-canvas-word', textContent: 'Discard', title: 'Take it out of the candidates (Del)', onclick: () => discard(state) }),
    button('discard', 'Back to the picture (Esc)', () => choose(state, null)),
  ];
  const bar = make('div', { className: 'ez-canvas-candidates', role: 'toolbar', 'aria-label': 'Candidates', hidden: true }, steps[0], said, steps[1], show, ...decide);
  Object.assign(state, { bar, said, show, steps, decide });
  store.subscribe(() => render(state));
  return { bar, render: () => render(state), isShown: () => !!state.shown, keys: { ArrowLeft: () => step(state, -1), ArrowRight: () => step(state, 1), Enter: () => accept(state), Delete: () => discard(state), Escape: () => choose(state, null) } };
}

const ours = ({ desk }) => store.all().filter((job) => desk.board.pictureId && job.request?.image === desk.board.pictureId && (job.request.mask || isFramed(frameOf(job.request))));

/** Pictures with the frame that each was drawn in, the newest job's first. */
const list = (state) => [...ours(state)].reverse().flatMap((job) => (job.pictures ?? []).map((picture) => ({ ...picture, frame: frameOf(job.request) }))).filter((picture) => !state.discarded.has(picture.id));

function render(state) {
  const all = list(state);
  if (!state.seen && store.isLoaded()) state.seen = new Set(all.map((picture) => picture.id)); // old ones wait to be asked for
  const fresh = state.seen ? all.find((picture) => !state.seen.has(picture.id)) : null;
  if (fresh) { all.forEach((picture) => state.seen.add(picture.id)); state.shown = fresh.id; takeKeys(state.desk); }
  if (state.shown && !all.some((picture) => picture.id === state.shown)) state.shown = null;
  const at = all.findIndex((picture) => picture.id === state.shown);
  const picture = all[at];
  state.bar.hidden = !all.length;
  state.show.hidden = !!picture;
  for (const element of [...state.steps, ...state.decide]) element.hidden = !picture;
  for (const element of state.steps) element.disabled = all.length < 2;
  state.said.textContent = picture ? `${at + 1} of ${all.length}${sizeOf(picture, state.desk.board)}` : `${all.length} ${all.length === 1 ? 'candidate' : 'candidates'}`;
  const running = picture ? null : beingDrawn(state);
  lay(state, picture?.url ?? running?.preview ?? null, picture?.frame ?? (running ? frameOf(running.request) : null));
}

/** Enter is for the candidate that has come, not for the button that asked for it. */
function takeKeys({ surface, tab }) {
  if (document.activeElement?.closest?.(`#${tab}-generate`)) surface.focus({ preventScroll: true });
}

/** Board and frame that a picture was drawn in. */
const drawnIn = ({ frame }, { width, height }) => outerOf({ width, height, frame });

/** Whether it is as large as these, so that what was there lies where it was. */
const fits = (picture, board) => { const { width, height } = drawnIn(picture, board); return picture.width === width && picture.height === height; };

/** Its size, where accepting it changes that of the picture. */
const sizeOf = ({ width, height }, board) => (width === board.width && height === board.height ? '' : ` · ${width} × ${height}, the picture ${board.width} × ${board.height}`);

/** A running job whose preview lies over the picture as well: where it is one of the whole picture. */
function beingDrawn(state) {
  const running = ours(state).find((job) => store.isActive(job) && job.preview);
  return running && running.request.inpaint_area !== 'Only masked' ? running : null;
}

/** Show the picture of an address over the board and the frame that it was drawn in; null shows the board. */
function lay(state, url, frame) {
  if (state.wanted === (url ?? '')) return;
  state.wanted = url ?? '';
  const { width, height } = state.desk.board;
  const put = (image) => { Object.assign(state.desk.view, { over: image, overAt: frame && outerOf({ width, height, frame }) }); state.desk.redraw(); };
  if (!url) { put(null); return; }
  const image = new Image();
  image.onload = () => { if (state.wanted === url) put(image); };
  image.onerror = () => { if (state.wanted === url) put(null); };
  image.src = url;
}

function choose(state, id) {
  state.shown = id;
  render(state);
}

function step(state, by) {
  const all = list(state);
  const at = all.findIndex((picture) => picture.id === state.shown);
  if (all.length) choose(state, all[(at + by + all.length) % all.length].id);
}

async function accept(state) {
  const { board } = state.desk;
  const chosen = list(state).find((picture) => picture.id === state.shown);
  if (!chosen) return;
  try {
    const { id } = await post(`/pictures/${chosen.id}/image`);
    const found = await pictureOf(id);
    state.shown = null;
    const data = isFramed(chosen.frame) && fits(chosen, board) ? placed(board.layer, drawnIn(chosen, board)) : undefined;
    board.become({ ...found, ...(data && { data }) }, 'Accept');
    if (!state.desk.view.free) state.desk.view.fit();
    render(state);
  } catch (error) {
    toast(error.message);
  }
}

function discard(state) {
  const id = state.shown;
  if (!id) return;
  const all = list(state);
  const next = all[all.findIndex((picture) => picture.id === id) + 1] ?? all.at(-2) ?? null;
  const set = (there) => () => { if (there) state.discarded.add(id); else state.discarded.delete(id); render(state); };
  state.desk.board.history.record({ title: 'Discard', undo: set(false), redo: set(true) });
  state.discarded.add(id);
  choose(state, next?.id ?? null);
}
