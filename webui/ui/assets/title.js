// The window's title: how far this browser's jobs are, and that they are done while nobody looked.

import * as store from './store.js';

const batch = new Set(); // jobs since the last time nothing was going on
let unseen = false;

export function mountTitle() {
  store.subscribe(show);
  document.addEventListener('visibilitychange', show);
}

function show() {
  const going = store.active();
  going.forEach((job) => batch.add(job.id));
  const ended = batch.size > 0 && !going.length;
  if (!document.hidden) unseen = false;
  else if (ended) unseen = true;
  if (ended) batch.clear();
  document.title = going.length ? `(${progress()}) Easel` : unseen ? '✓ Easel' : 'Easel';
}

/** Pictures done of those asked for; the share of the steps when it is only one. */
function progress() {
  const jobs = store.all().filter((job) => batch.has(job.id));
  const wanted = jobs.reduce((sum, job) => sum + (job.request?.count ?? 1), 0);
  if (wanted === 1) return `${Math.floor((100 * (jobs[0].step ?? 0)) / (jobs[0].steps || 1))} %`;
  const done = jobs.reduce((sum, job) => sum + (store.isActive(job) ? job.pictures?.length ?? 0 : job.request?.count ?? 1), 0);
  return `${done}/${wanted}`;
}
