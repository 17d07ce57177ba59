// Live drawing: the picture follows the canvas as strokes land. At most one job is under way; when a
// stroke ends, an older job is cancelled, so the newest state is drawn next. What a newer result takes the
// place of goes to the bin, unless every result is to be kept.

import { post, remove } from './api.js';
import { make } from './dom.js';
import { values } from './form.js';
import { modelOf } from './models.js';
import { settled } from './settled.js';
import { slotValue } from './slots.js';
import { toast } from './toast.js';
import * as store from './store.js';

const SEED = 1; // a seed of its own for each picture would flicker
const FRESH = ['regions']; // the page sets them by the canvas, and the form hears of it a moment later

/** `needs` names the slots of which one must have something; `unused` what models of a task are not told. */
export function mount({ element }, { tab, needs, unused, starts }) {
  const on = make('input', { type: 'checkbox', checked: starts });
  const keep = make('input', { type: 'checkbox' });
  const said = make('span', { role: 'status' });
  element.querySelector('.ez-live').append(make('label', {}, on, 'Draw as I paint'), make('label', {}, keep, 'Keep every result'), said);
  const live = { tab, needs, unused, on, keep, said, job: null, left: new Set(), wanted: false, shown: null, since: 0, sending: false };
  document.addEventListener('easel:canvas', ({ detail }) => { if (detail.tab === tab && document.body.dataset.tab === tab) changed(live, detail.finished); });
  document.addEventListener('easel:form', ({ detail }) => { if (detail.tab === tab && live.last && live.last !== settings(live)) changed(live, true); });
  store.subscribe(() => follow(live));
}

/** The canvas or the form is another: draw it next; where a stroke has ended, at once. */
function changed(live, finished) {
  if (!live.on.checked) return;
  live.wanted = true;
  if (finished) live.since = performance.now();
  if (finished && live.job) { live.left.add(live.job); store.cancel(live.job).catch(() => {}); live.job = null; }
  send(live);
}

async function send(live) {
  if (live.job || live.sending || !live.wanted) return;
  Object.assign(live, { wanted: false, sending: true });
  try {
    await settled(live.tab);
    const request = await wholeRequest(live);
    if (!live.needs.some((name) => request[name])) return;
    live.last = settings(live);
    const { id } = await post('/jobs', request);
    live.job = id;
    await store.add(id);
  } catch (error) {
    live.on.checked = false;
    toast(`Live drawing stopped: ${error.message}`);
  } finally {
    live.sending = false;
  }
  follow(live);
  if (live.wanted) send(live);
}

/** What the form says, without what is empty; a fixed seed where it says none. It goes before other people's jobs. */
async function wholeRequest({ tab, needs, unused }) {
  const slots = slotsOf(tab, [...needs, ...FRESH]);
  const form = values(tab);
  const left = unused[(await modelOf(form.model))?.task] ?? [];
  const given = Object.entries({ ...form, ...slots }).filter(([name, value]) => value !== null && value !== undefined && !left.includes(name));
  const request = { prompt: '', ...Object.fromEntries(given), count: 1, priority: 'Live' };
  return { ...request, seed: request.seed === -1 || request.seed === undefined ? SEED : request.seed };
}

/** The form without what is painted, to tell whether it has changed. */
const settings = ({ tab, needs }) => JSON.stringify({ ...values(tab), ...Object.fromEntries(needs.map((name) => [name, null])), ...slotsOf(tab, FRESH) });

const slotsOf = (tab, names) => Object.fromEntries(names.map((name) => [name, slotValue(tab, name)]));

/** When the job is over: tell how long it took, clear up, and go on with what came since. */
function follow(live) {
  clearUp(live);
  const job = live.job && store.all().find((one) => one.id === live.job);
  if (!job || store.isActive(job)) return;
  live.job = null;
  const picture = job.pictures?.[0];
  if (picture) {
    live.said.textContent = live.since ? `${((performance.now() - live.since) / 1000).toFixed(1)} s` : '';
    if (live.shown && !live.keep.checked) discard(live.shown);
    live.shown = { ...picture, job: job.id };
  }
  send(live);
}

/** What was under way when a newer stroke came may end with a picture all the same: gone before it is seen. */
function clearUp(live) {
  for (const id of [...live.left]) {
    const job = store.all().find((one) => one.id === id);
    const pictures = job?.pictures ?? [];
    if (!live.keep.checked) pictures.forEach((picture) => discard({ ...picture, job: id }));
    if (job && store.isActive(job)) continue;
    live.left.delete(id);
    if (!pictures.length) store.forget(id);
  }
}

const discarded = new Set();

async function discard(picture) {
  const putBack = store.withdraw(picture);
  if (discarded.has(picture.id)) return; // the record told of it once more
  discarded.add(picture.id);
  try { await remove(`/pictures/${picture.id}`); store.forget(picture.job); } catch { putBack(); }
}
