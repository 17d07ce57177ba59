// Pictures of everybody, all or those that are searched for, as a grid of thumbnails that loads on as one scrolls.

import { address, get } from './api.js';
import { binButton } from './bin.js';
import { make } from './dom.js';
import { look } from './gallery_look.js';
import { emptyGallery, searchField } from './gallery_search.js';

const PAGE = 60;

export function mount({ element }) {
  const root = element.querySelector('.ez-gallery');
  const view = { root, grid: make('div', { className: 'ez-wall' }), end: make('div', { className: 'ez-wall-end' }), empty: make('div', { className: 'ez-empty', hidden: true }), asked: '', before: null, busy: null, done: false };
  view.search = searchField((asked) => { view.asked = asked; restart(view); });
  view.bin = binButton();
  view.search.element.append(view.bin.element);
  view.more = () => more(view);
  root.append(view.search.element, view.grid, view.empty, view.end);
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) more(view); }, { rootMargin: '600px' }).observe(view.end);
  document.addEventListener('easel:tab', (event) => { if (event.detail.tab === 'gallery') restart(view); });
  if (document.body.dataset.tab === 'gallery') restart(view);
}

/** From the newest on. What is shown stays until the answer is there, so that typing does not flicker. */
function restart(view) {
  Object.assign(view, { before: null, done: false, batch: '', busy: null, fresh: true });
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
    begin(view);
    for (const picture of pictures) place(view, picture);
    view.done = pictures.length < PAGE;
    view.before = pictures.at(-1)?.created ?? view.before;
    tell(view, '');
  } catch (error) {
    if (view.busy !== mine) return;
    begin(view);
    view.done = true;
    tell(view, error.message);
  }
  view.busy = null;
  // A short page may leave the end in sight, of which the observer has told already.
  if (!view.done && view.end.getBoundingClientRect().top < innerHeight + 600) more(view);
}

function begin(view) {
  if (view.fresh) view.grid.replaceChildren();
  view.fresh = false;
}

/** How many were found, and what stands there where none were. */
function tell(view, problem) {
  const found = view.grid.querySelectorAll('.ez-tile').length;
  view.search.said.textContent = !view.asked || problem ? '' : `${found}${view.done ? '' : '+'} found`;
  view.empty.hidden = found > 0 && !problem;
  view.empty.replaceChildren(view.empty.hidden ? '' : emptyGallery(view.asked, problem, () => view.search.write('')));
}

/** A tile; a batch begins with a line of its own, and ends with one. */
function place(view, picture) {
  if (picture.batch !== view.batch) view.grid.append(make('p', { className: 'ez-wall-batch', textContent: picture.batch ? 'Batch' : '' }));
  view.batch = picture.batch;
  view.grid.append(tile(view, picture));
}

function tile(view, picture) {
  const image = make('img', { src: address(`/pictures/${picture.id}/thumbnail?size=256`), alt: `Seed ${picture.seed}`, loading: 'lazy', decoding: 'async', width: picture.width, height: picture.height });
  const element = make('button', { type: 'button', className: 'ez-tile', 'aria-label': `Picture with seed ${picture.seed}`, onclick: () => look(view, element) }, image);
  element.picture = picture;
  return element;
}
