// The window's title: how far this browser's jobs are, and that they are done while nobody looked.

import { notify } from './own.js';
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
  else if (ended) {
    unseen = true;
    notify(outcome());
  }
  if (ended) batch.clear();
  document.title = going.length ? `(${progress()}) Easel` : unseen ? '✓ Easel' : 'Easel';
}

/** What has come of the jobs, in words. */
function outcome() {
  const jobs = store.all().filter((job) => batch.has(job.id));
  const pictures = jobs.reduce((sum, job) => sum + (job.pictures?.length ?? 0), 0);
  const failed = jobs.filter((job) => job.state === 'failed').length;
  return [`${pictures} ${pictures === 1 ? 'picture is' : 'pictures are'} done.`, ...(failed ? [`${failed} failed.`] : [])].join(' ');
}

/** Pictures done of those asked for; the share of the steps when it is only one. */
function progress() {
  const jobs = store.all().filter((job) => batch.has(job.id));
  const wanted = jobs.reduce((sum, job) => sum + (job.request?.count ?? 1), 0);
  if (wanted === 1) return `${Math.floor((100 * (jobs[0].step ?? 0)) / (jobs[0].steps || 1))} %`;
  const done = jobs.reduce((sum, job) => sum + (store.isActive(job) ? job.pictures?.length ?? 0 : job.request?.count ?? 1), 0);
  return `${done}/${wanted}`;
}
