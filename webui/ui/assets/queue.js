// The queue drawer: what everybody's jobs are doing, and cancel for each.

import { get, put, remove } from './api.js';
import { clampText, icon, make, reconcile } from './dom.js';
import * as store from './store.js';
import { fileRow, showWaiting } from './queue_file.js';
import { toast } from './toast.js';
import { TURNS } from './words.js';

let drawer = null;
let timer = null;

export function openQueue() {
  drawer ??= build();
  if (drawer.open) { drawer.close(); return; }
  drawer.showModal();
  refresh();
}

/** The studio said that something changed. */
export function queueChanged() {
  if (drawer?.open) refresh();
}

function build() {
  const list = make('div', { className: 'ez-drawer-list', role: 'list' });
  const pause = make('button', { type: 'button', className: 'ez-button ez-drawer-pause', onclick: () => setPaused(!isPaused()) });
  const close = make('button', { type: 'button', className: 'ez-icon', 'aria-label': 'Close', onclick: () => element.close() }, icon('close'));
  const element = make('dialog', { className: 'ez-drawer', 'aria-label': 'Queue' },
    make('header', {}, make('h2', { textContent: 'Queue' }), pause, close),
    make('p', { className: 'ez-drawer-paused', textContent: 'Paused: what runs goes on, what waits stays where it is, over restarts too.' }), list,
    make('p', { className: 'ez-drawer-empty', textContent: 'Nothing is running and nothing is waiting.' }), fileRow());
  element.addEventListener('click', (event) => { if (event.target === element) element.close(); });
  element.addEventListener('close', () => clearTimeout(timer));
  document.body.append(element);
  return element;
}

const isPaused = () => document.body.dataset.queue === 'paused';

async function setPaused(paused) {
  try { await put('/queue', { paused }); } catch (error) { toast(error.message); }
}

function showPaused() {
  const paused = isPaused();
  const title = paused ? 'Let waiting jobs go on' : 'Hold back the jobs that wait';
  const button = drawer.querySelector('.ez-drawer-pause');
  button.title = title;
  button.replaceChildren(icon(paused ? 'play' : 'pause'), make('span', { textContent: paused ? 'Resume' : 'Pause' }));
  drawer.querySelector('.ez-drawer-paused').hidden = !paused;
}

async function refresh() {
  clearTimeout(timer);
  showPaused();
  let listed = [];
  try { listed = (await get('/jobs?limit=200&state=queued&state=running')).reverse(); } catch { return; }
  listed.sort((a, b) => (a.place ?? -1) - (b.place ?? -1)); // those that run have none
  const items = withBatches(listed);
  reconcile(drawer.querySelector('.ez-drawer-list'), items, create, update);
  drawer.querySelector('.ez-drawer-empty').hidden = items.length > 0;
  showWaiting(drawer, listed.some((job) => job.state === 'queued'));
  if (drawer.open && items.length) timer = setTimeout(refresh, 1000);
}

/** The jobs, with a line before the first of each batch. */
function withBatches(jobs) {
  const sizes = new Map();
  for (const { request } of jobs) if (request.batch) sizes.set(request.batch, (sizes.get(request.batch) ?? 0) + 1);
  const told = new Set();
  return jobs.flatMap((job) => {
    const { batch } = job.request;
    const lead = batch && !told.has(batch) ? [{ key: `batch-${batch}`, batch, left: sizes.get(batch) }] : [];
    told.add(batch);
    return [...lead, { key: job.id, job }];
  });
}

/** What a batch is called in the queue, and the way to end all of it. */
function batchLine(batch) {
  const stop = make('button', { type: 'button', className: 'ez-button', textContent: 'Cancel all', onclick: () => cancelBatch(batch) });
  return make('div', { role: 'listitem', className: 'ez-row ez-row-batch' }, make('div', {}, make('p')), stop);
}

async function cancelBatch(batch) {
  try { await remove(`/batches/${batch}`); } catch (error) { toast(error.message); }
  refresh();
}

function create({ job, batch }) {
  if (batch) return batchLine(batch);
  const stop = make('button', { type: 'button', className: 'ez-icon', title: 'Cancel', 'aria-label': 'Cancel this job', onclick: async () => { await store.cancel(job.id).catch(() => {}); refresh(); } }, icon('close'));
  const turn = make('select', { 'aria-label': 'Priority of this job', onchange: () => move(job.id, turn.value) },
    ...Object.entries(TURNS).map(([value, textContent]) => make('option', { value, textContent })));
  return make('div', { role: 'listitem', className: 'ez-row' },
    make('div', {}, make('p', { textContent: clampText(nameOf(job.request), 140) }), make('small')), turn, stop, make('i'));
}

const nameOf = ({ source_name, prompt }) => [source_name, prompt].filter(Boolean).join(': ') || '(no prompt)';

async function move(id, priority) {
  try { await put(`/jobs/${id}/priority`, { priority }); } catch (error) { toast(error.message); }
  refresh();
}

function update(element, { job, batch, left }) {
  if (batch) { element.querySelector('p').textContent = `Batch, ${left} left`; return; }
  const part = job.steps ? job.step / job.steps : 0;
  const turn = element.querySelector('select');
  const { priority } = job.request;
  turn.hidden = job.state === 'running' || !(priority in TURNS);
  if (document.activeElement !== turn) turn.value = priority;
  element.querySelector('small').textContent = job.state === 'running' ? `Step ${job.step} of ${job.steps}` : job.place ? `${job.place} before it` : 'Next in line';
  element.querySelector('i').style.transform = `scaleX(${part})`;
}
