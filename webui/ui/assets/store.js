// What this browser has asked for: its jobs, their progress and their pictures.
//
// The studio's record is the truth. The browser keeps only the ids of its own jobs, so a reload, a
// dropped connection or a restart of the studio costs nothing: ask the record and go on. One event
// stream is open at a time, because browsers allow six connections to a host over all tabs; other
// jobs that are waiting or running are asked after once a second, and a hidden tab holds no stream.

import { address, get, remove } from './api.js';
import { remembered } from './remembered.js';

const mine = remembered('easel.jobs', 200);
const POLL_MS = 1000;
const HIDDEN_POLL_MS = 5000;

const jobs = new Map();
let order = mine.read();
let focus = null; // { job, picture } that the person chose; null follows what is going on
let stream = null;
let streamed = null;
let timer = null;
let connected = true;
let loaded = false;
const listeners = new Set();

export const isActive = (job) => job.state === 'queued' || job.state === 'running';
export const all = () => order.map((id) => jobs.get(id)).filter(Boolean);
export const active = () => all().filter(isActive);
export const isConnected = () => connected;
export const isLoaded = () => loaded;
export const chosen = () => focus;

/** Call back after each change, until the returned function is called. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Take up a job that was just accepted, and follow it. */
export async function add(id) {
  order = mine.add(id);
  focus = null;
  await refresh(id);
}

/** Show a job that another tab may have added, unless it was dismissed since. */
export async function takeUp(id) {
  order = mine.read();
  if (order.includes(id)) await refresh(id);
}

/** Take up the jobs of a batch that was just accepted. */
export async function addBatch(batch) {
  const made = await get(`/batches/${batch}`);
  const ids = made.map((job) => job.id).reverse(); // the last of it is the newest
  order = mine.add(...ids);
  focus = null;
  made.forEach((job) => merge(job, true));
  changed();
}

/** The job that the stage shows when nothing else was chosen: running, else next in the queue. */
export function liveJob() {
  const waiting = active().reverse(); // oldest first
  return waiting.find((job) => job.state === 'running') ?? waiting[0] ?? null;
}

/** The job on the stage. */
export function shownJob() {
  return (focus && jobs.get(focus.job)) ?? liveJob() ?? all()[0] ?? null;
}

/** Every finished picture of this browser's jobs, newest first. */
export function pictures() {
  return all().flatMap((job) => [...(job.pictures ?? [])].reverse().map((picture) => ({ ...picture, job: job.id })));
}

/** The newest picture's seed, or the value given where there is none yet. */
export function lastSeed(otherwise = -1) {
  return pictures()[0]?.seed ?? otherwise;
}

export function choose(job, picture = null) {
  focus = job === null ? null : { job, picture };
  changed();
}

/** Cancel the job on the stage; others go on. */
export async function cancelShown() {
  const shown = shownJob();
  const job = shown && isActive(shown) ? shown : liveJob();
  if (job) await cancel(job.id);
}

export async function cancel(id) {
  merge(await remove(`/jobs/${id}`));
}

/** Take a picture out of the strip, and return a function that puts it back. */
export function withdraw(picture) {
  const job = jobs.get(picture.job);
  if (!job) return () => {};
  const before = job.pictures;
  job.pictures = before.filter((other) => other.id !== picture.id);
  if (focus?.picture === picture.id) focus = null;
  changed();
  return () => { // where it was; others of the job may have gone or come since
    const now = new Set([picture.id, ...job.pictures.map(({ id }) => id)]);
    job.pictures = [...before.filter(({ id }) => now.has(id)), ...job.pictures.filter((other) => !before.some(({ id }) => id === other.id))];
    changed();
  };
}

export function forget(id) {
  order = mine.drop(id);
  leave(id);
  changed();
}

/** Show a job no longer. */
function leave(id) {
  jobs.delete(id);
  if (focus?.job === id) focus = null;
}

// What another tab forgets goes here, too; what it adds is shown when this one is next loaded.
mine.whenChangedElsewhere((list) => {
  order = list;
  [...jobs.keys()].filter((id) => !list.includes(id)).forEach(leave);
  changed();
});

/** Ask the record for all remembered jobs; called once when the page starts. */
export async function load() {
  try {
    const asked = new Set(order);
    const listed = await get('/jobs?limit=200');
    for (const job of listed) if (asked.has(job.id)) jobs.set(job.id, job);
    if (listed.length < 200) order = mine.drop(...[...asked].filter((id) => !jobs.has(id)));
    await Promise.all(order.filter((id) => !jobs.has(id)).slice(0, 20).map(fetchQuietly));
    connected = true;
    loaded = true;
  } catch {
    connected = false;
    setTimeout(load, 2000);
  }
  changed();
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) active().forEach((job) => refresh(job.id));
  changed();
});

async function refresh(id) {
  await fetchQuietly(id);
  changed();
}

async function fetchQuietly(id) {
  try {
    merge(await get(`/jobs/${id}`), true);
    connected = true;
  } catch (error) {
    if (error.status === 404) { order = mine.drop(id); leave(id); }
    if (error.status === 0) connected = false;
  }
}

function merge(snapshot, quietly = false) {
  const known = jobs.get(snapshot.id);
  if (known && !isActive(known) && isActive(snapshot)) return; // an answer from before its end that comes after it
  const kept = known && isActive(snapshot) ? { preview: known.preview, previewIndex: known.previewIndex, secondsLeft: known.secondsLeft } : {};
  jobs.set(snapshot.id, { ...kept, ...snapshot });
  if (!quietly) changed();
}

function changed() {
  follow();
  for (const listener of listeners) listener();
}

function follow() {
  const shown = shownJob();
  const wanted = document.hidden ? null : (shown && isActive(shown) ? shown : liveJob())?.id ?? null;
  if (wanted !== streamed) openStream(wanted);
  // Steps arrive faster than this, so a timer that is set stays set.
  if (timer === null && others().length) timer = setTimeout(poll, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
}

const others = () => active().filter((job) => job.id !== streamed);

async function poll() {
  const ids = others().map((job) => job.id);
  try {
    const listed = await get(`/jobs?limit=${Math.max(50, ids.length)}`);
    const found = new Map(listed.map((job) => [job.id, job]));
    for (const id of ids) {
      if (found.has(id)) merge(found.get(id), true);
      else await fetchQuietly(id);
    }
    connected = true;
  } catch {
    connected = false;
  }
  timer = null;
  changed();
}

function openStream(id) {
  stream?.close();
  stream = null;
  streamed = id;
  if (id === null) return;
  stream = new EventSource(address(`/jobs/${id}/events`));
  const opened = stream;
  const on = (name, act) => opened.addEventListener(name, (event) => { if (opened === stream) act(JSON.parse(event.data)); });
  on('job', (snapshot) => {
    connected = true;
    if (!isActive(snapshot)) { opened.close(); streamed = null; stream = null; }
    merge(snapshot);
  });
  on('step', (step) => stepped(id, step));
  on('picture', (picture) => finishedPicture(id, picture));
  opened.onerror = () => { if (opened === stream) lost(id, opened); };
}

function stepped(id, { step, steps, seconds_left, preview, index }) {
  const job = jobs.get(id);
  if (!job) return;
  const seen = preview ? { preview, previewIndex: index } : {};
  jobs.set(id, { ...job, state: 'running', step, steps, secondsLeft: seconds_left, ...seen });
  connected = true;
  changed();
}

function finishedPicture(id, picture) {
  const job = jobs.get(id);
  if (!job || job.pictures?.some((other) => other.id === picture.id)) return;
  jobs.set(id, { ...job, pictures: [...(job.pictures ?? []), picture] });
  changed();
}

function lost(id, source) {
  connected = false;
  // The browser itself tries again while the stream is merely interrupted; a refusal closes it.
  if (source.readyState === EventSource.CLOSED) {
    stream = null;
    setTimeout(() => { if (streamed === id && stream === null) { streamed = null; refresh(id); } }, 2000);
  }
  for (const listener of listeners) listener();
}
