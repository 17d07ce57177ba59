// Models made of others: how far each is, and the dialog that orders one. Asked after only while one is being made.

import { get, post, remove } from '../api.js';
import { inMegabytes } from './items.js';
import { openMaking } from './making_form.js';
import { progressList } from './progress.js';

const ASK_MS = 700;
const WORDS = { merge: 'Merging', lora: 'Putting LoRAs into', convert: 'Converting' };

/** `items` tells what is installed now. */
export function makingPanel(items) {
  const panel = { refusal: null, makings: [], timer: null };
  const list = progressList('Models being made', (one) => told(panel, one));
  panel.show = () => list.show(panel.makings);
  panel.ask = () => ask(panel);
  document.addEventListener('easel:tab', (event) => { if (event.detail.tab === 'models') panel.ask(); });
  panel.ask();
  return { progress: list.element, open: (chosen = null) => openMaking({ items: items(), refusal: panel.refusal, chosen, ordered: panel.ask }) };
}

async function ask(panel) {
  clearTimeout(panel.timer);
  const { refusal, makings } = await get('/library/makings').catch(() => panel);
  Object.assign(panel, { refusal, makings });
  panel.show();
  const goesOn = makings.some(({ state }) => state === 'waiting' || state === 'running');
  if (goesOn && document.body.dataset.tab === 'models') panel.timer = setTimeout(panel.ask, ASK_MS);
}

function told(panel, one) {
  const then = (run) => async () => { await run(); await panel.ask(); };
  const isOver = !['waiting', 'running'].includes(one.state);
  const again = ['failed', 'interrupted'].includes(one.state) && panel.refusal === null;
  return {
    title: one.order.name, label: `Making of ${one.order.name}`, state: one.state, facts: facts(one),
    share: one.state === 'done' ? 1 : isOver || one.state === 'waiting' ? 0 : one.bytes_total ? Math.min(1, one.bytes_done / one.bytes_total) : null,
    acts: panel.refusal !== null ? [] : [
      ...(again ? [['retry', 'Order it again', then(() => post(`/library/makings/${one.id}/again`))]] : []),
      [isOver ? 'trash' : 'close', isOver ? 'Take off the list' : 'Cancel', then(() => remove(`/library/makings/${one.id}`))],
    ],
  };
}

function facts({ state, target, error, kind, order, bytes_done: done, bytes_total: total }) {
  if (error) return error;
  if (state === 'done') return `Made as ${target}`;
  if (state === 'interrupted') return 'Interrupted before it was whole; nothing of it was kept.';
  const what = `${WORDS[kind]} ${order.models.map((id) => id.split('/').at(-1)).join(', ')}`;
  if (state === 'waiting') return `${what}: waits its turn`;
  return total ? `${what}: ${inMegabytes(done)} of ${inMegabytes(total)}` : `${what}: is being read`;
}
