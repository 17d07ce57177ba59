// The queue drawer: what everybody's jobs are doing, and cancel for each.

import { get, put } from './api.js';
import { clampText, icon, make, reconcile } from './dom.js';
import * as store from './store.js';
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
  const close = make('button', { type: 'button', className: 'ez-icon', 'aria-label': 'Close', onclick: () => element.close() }, icon('close'));
  const element = make('dialog', { className: 'ez-drawer', 'aria-label': 'Queue' },
    make('header', {}, make('h2', { textContent: 'Queue' }), close), list,
    make('p', { className: 'ez-drawer-empty', textContent: 'Nothing is running and nothing is waiting.' }));
  element.addEventListener('click', (event) => { if (event.target === element) element.close(); });
  element.addEventListener('close', () => clearTimeout(timer));
  document.body.append(element);
  return element;
}

async function refresh() {
  clearTimeout(timer);
  let listed = [];
  try { listed = (await get('/jobs?limit=200&state=queued&state=running')).reverse(); } catch { return; }
  listed.sort((a, b) => (a.place ?? -1) - (b.place ?? -1)); // those that run have none
  const items = listed.map((job) => ({ key: job.id, job }));
  reconcile(drawer.querySelector('.ez-drawer-list'), items, create, update);
  drawer.querySelector('.ez-drawer-empty').hidden = items.length > 0;
  if (drawer.open && items.length) timer = setTimeout(refresh, 1000);
}

function create({ job }) {
  const stop = make('button', { type: 'button', className: 'ez-icon', title: 'Cancel', 'aria-label': 'Cancel this job', onclick: async () => { await store.cancel(job.id).catch(() => {}); refresh(); } }, icon('close'));
  const turn = make('select', { 'aria-label': 'Priority of this job', onchange: () => move(job.id, turn.value) },
    ...Object.entries(TURNS).map(([value, textContent]) => make('option', { value, textContent })));
  return make('div', { role: 'listitem', className: 'ez-row' },
    make('div', {}, make('p', { textContent: clampText(job.request?.prompt || '(no prompt)', 140) }), make('small')), turn, stop, make('i'));
}

async function move(id, priority) {
  try { await put(`/jobs/${id}/priority`, { priority }); } catch (error) { toast(error.message); }
  refresh();
}

function update(element, { job }) {
  const part = job.steps ? job.step / job.steps : 0;
  const turn = element.querySelector('select');
  const { priority } = job.request;
  turn.hidden = job.state === 'running' || !(priority in TURNS);
  if (document.activeElement !== turn) turn.value = priority;
  element.querySelector('small').textContent = job.state === 'running' ? `Step ${job.step} of ${job.steps}` : job.place ? `${job.place} before it` : 'Next in line';
  element.querySelector('i').style.transform = `scaleX(${part})`;
}
