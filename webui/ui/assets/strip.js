// The film strip: this browser's results, newest first; running jobs are small cards in it.

import { clampText, icon, make, reconcile } from './dom.js';
import { address } from './api.js';
import * as store from './store.js';

export function mountStrip(strip) {
  store.subscribe(() => render(strip));
  strip.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { event.preventDefault(); move(step); }
  });
  render(strip);
}

/** Choose the neighbour of the picture on the stage; 1 is older, -1 newer. */
export function move(step) {
  const list = items().filter((item) => item.picture);
  if (!list.length) return;
  const chosen = store.chosen()?.picture ?? store.shownJob()?.pictures?.at(-1)?.id;
  const at = list.findIndex((item) => item.picture.id === chosen);
  const next = list[Math.min(list.length - 1, Math.max(0, at + step))];
  store.choose(next.job.id, next.picture.id);
  document.querySelector(`.ez-strip [data-key="${CSS.escape(next.key)}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function items() {
  return store.all().flatMap((job) => {
    const done = [...(job.pictures ?? [])].reverse().map((picture) => ({ key: picture.id, job, picture }));
    if (store.isActive(job)) return [{ key: 'job-' + job.id, job }, ...done];
    return job.state === 'failed' ? [{ key: 'failed-' + job.id, job, failed: true }, ...done] : done;
  });
}

function render(strip) {
  const list = items();
  strip.dataset.empty = list.length === 0;
  reconcile(strip, list, create, update);
}

function create(item) {
  if (item.picture) return pictureItem(item);
  return item.failed ? failedItem(item) : jobItem(item);
}

function pictureItem({ job, picture }) {
  return make('div', { role: 'listitem', className: 'ez-item' },
    make('button', { type: 'button', title: clampText(job.request?.prompt ?? '', 120), 'aria-label': `Picture, seed ${picture.seed}`, onclick: () => store.choose(job.id, picture.id) },
      make('img', { src: picture.thumbnail ?? address(`/pictures/${picture.id}/thumbnail?size=256`), alt: '', loading: 'lazy', decoding: 'async' })));
}

function failedItem({ job }) {
  return make('div', { role: 'listitem', className: 'ez-item ez-item-failed' },
    make('button', { type: 'button', textContent: '!', title: job.error ?? 'Failed', 'aria-label': 'Failed job', onclick: () => store.choose(job.id) }));
}

function jobItem({ job }) {
  const show = make('button', { type: 'button', title: clampText(job.request?.prompt ?? '', 120), onclick: () => store.choose(job.id) },
    make('img', { alt: '', hidden: true }), make('span', { className: 'ez-item-words' }), make('i'));
  const stop = make('button', { type: 'button', className: 'ez-item-stop', title: 'Cancel this job', 'aria-label': 'Cancel this job', onclick: () => store.cancel(job.id) }, icon('close'));
  return make('div', { role: 'listitem', className: 'ez-item ez-item-job' }, show, stop);
}

function update(element, { job, picture }) {
  const shown = store.shownJob();
  const chosen = store.chosen()?.picture ?? (shown && !store.isActive(shown) && shown.pictures?.length === 1 ? shown.pictures[0].id : null);
  const current = picture ? picture.id === chosen : job.id === shown?.id;
  element.classList.toggle('ez-current', current);
  if (picture || !store.isActive(job)) return;
  const [image, words, line] = element.querySelectorAll('img, span, i');
  if (job.preview && image.src !== job.preview) image.src = job.preview;
  image.hidden = !job.preview;
  words.textContent = job.state === 'queued' ? (job.place ? `+${job.place}` : 'next') : `${Math.round((100 * job.step) / (job.steps || 1))} %`;
  line.style.transform = `scaleX(${job.steps ? job.step / job.steps : 0})`;
}
