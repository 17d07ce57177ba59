// Pictures of everybody, all or those that are searched for, as a wall of thumbnails that loads on as one scrolls.

import { discard } from './actions.js';
import { address, get } from './api.js';
import { binButton } from './bin.js';
import { make } from './dom.js';
import { choice } from './gallery_choice.js';
import { look } from './gallery_look.js';
import { emptyGallery, searchField } from './gallery_search.js';
import { columnsOf, Wall } from './wall.js';

const PAGE = 60;
const [TELEPHONE, WIDE] = [{ columns: 3, gap: 4 }, columnsOf(160)];

export function mount({ element }) {
  const root = element.querySelector('.ez-gallery');
  const view = { root, end: make('div', { className: 'ez-wall-end' }), empty: make('div', { className: 'ez-empty', hidden: true }), asked: '', before: null, busy: null, done: false };
  view.wall = new Wall((picture) => tile(view, picture), (cell, picture) => view.choice.mark(cell, picture), { shape: (width) => (width > 560 ? WIDE(width) : TELEPHONE), line: between });
  view.choice = choice(view);
  view.search = searchField((asked) => { view.asked = asked; view.choice.clear(); restart(view); });
  view.bin = binButton();
  view.search.element.append(...view.choice.element, view.bin.element);
  view.more = () => more(view);
  view.drop = (pictures, back) => drop(view, pictures, back);
  root.append(view.search.element, view.wall.element, view.empty, view.end);
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) more(view); }, { rootMargin: '600px' }).observe(view.end);
  document.addEventListener('easel:tab', (event) => { if (event.detail.tab === 'gallery') restart(view); });
  if (document.body.dataset.tab === 'gallery') restart(view);
}

/** From the newest on. What is shown stays until the answer is there, so that typing does not flicker. */
function restart(view) {
  Object.assign(view, { before: null, done: false, busy: null, fresh: true });
  if (document.body.dataset.tab === 'gallery') view.bin.refresh();
  more(view);
}

async function more(view) {
  if (view.busy || view.done || document.body.dataset.tab !== 'gallery') return;
  const mine = view.busy = {}; // an answer that comes when another question was asked is not shown
  try {
    const query = new URLSearchParams({ limit: PAGE, search: view.asked, ...(view.before === null ? {} : { before: view.before }) });
    const pictures = await get(`/pictures?${query}`);
    if (view.busy !== mine) return;
    view.done = pictures.length < PAGE;
    view.before = pictures.at(-1)?.created ?? view.before;
    show(view, [...shown(view), ...pictures]);
  } catch (error) {
    if (view.busy !== mine) return;
    view.done = true;
    show(view, shown(view), error.message);
  }
  view.busy = null;
  // A short page may leave the end in sight, of which the observer has told already.
  if (!view.done && view.end.getBoundingClientRect().top < innerHeight + 600) more(view);
}

/** What stays when more comes: nothing of what was asked before. */
const shown = (view) => (view.fresh ? [] : view.wall.items);

/** How many were found, and what stands there where none were. */
function show(view, pictures, problem = '') {
  view.fresh = false;
  view.wall.show(pictures);
  view.choice.offer(pictures.length > 0);
  view.search.said.textContent = !view.asked || problem ? '' : `${pictures.length}${view.done ? '' : '+'} found`;
  view.empty.hidden = pictures.length > 0 && !problem;
  view.empty.replaceChildren(view.empty.hidden ? '' : emptyGallery(view.asked, problem, () => view.search.write('')));
}

/** Delete pictures; those that come back stand where they were, by when they were drawn. */
function drop(view, pictures, back = () => {}) {
  const gone = new Set(pictures.map(({ id }) => id));
  show(view, view.wall.items.filter(({ id }) => !gone.has(id)));
  return discard(pictures, (picture) => {
    if (!view.wall.at.has(picture.id)) show(view, [...view.wall.items, picture].sort((a, b) => b.created - a.created));
    view.bin.refresh();
    back(picture);
  }).then(view.bin.refresh);
}

/** A batch begins with a line of its own, and ends with one. */
function between(picture, before) {
  return picture.batch === (before?.batch ?? '') ? null : picture.batch ? 'Batch' : '';
}

function tile(view, picture) {
  const said = `icture with seed ${picture.seed}`;
  const image = make('img', { src: address(`/pictures/${picture.id}/thumbnail?size=256`), alt: `Seed ${picture.seed}`, loading: 'lazy', decoding: 'async', width: picture.width, height: picture.height });
  return make('div', { className: 'ez-tile-cell' },
    make('button', { type: 'button', className: 'ez-tile', 'aria-label': `P${said}`, onclick: (event) => { if (!view.choice.takes(event, picture)) look(view, picture); } }, image),
    make('input', { type: 'checkbox', className: 'ez-tile-mark', title: 'Select', 'aria-label': `Select the p${said}`, tabIndex: -1, onclick: (event) => view.choice.toggle(picture, event.shiftKey) }));
}
