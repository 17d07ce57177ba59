// The dialog that orders a model made of others: merged, with LoRAs put in, or converted.

import { post } from '../api.js';
import { icon, make } from '../dom.js';
import { blocks, choice, field, loraRows, menu, offer, ratio } from './making_fields.js';

const KINDS = [['merge', 'Merge'], ['lora', 'Put LoRAs in'], ['convert', 'Convert']];
const METHODS = [['sum', 'Weighted sum'], ['difference', 'Add difference']];
const PRECISIONS = [['', 'As in A'], ['fp16', 'fp16, 16 bits'], ['bf16', 'bf16, 16 bits'], ['fp32', 'fp32, 32 bits'], ['fp8', 'fp8, 8 bits']];
const LAYOUTS = [['', 'As it is'], ['file', 'One .safetensors file'], ['folder', 'A diffusers folder']];
const ROWS = { merge: ['method', 'second', 'third', 'ratio', 'blocks'], lora: ['loras'], convert: ['layout'] };

/** `chosen` is the id of the model to begin with; `ordered` is called once one is on the list. */
export function openMaking({ items, refusal, chosen, ordered }) {
  const dialog = make('dialog', { className: 'ez-library-install ez-library-making', 'aria-label': 'Make a model of others' },
    make('h2', { textContent: 'Make a model of others' }),
    refusal ? make('p', { textContent: refusal }) : formOf(items, chosen, () => { dialog.close(); ordered(); }),
    make('button', { type: 'button', className: 'ez-icon ez-look-close', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function formOf(items, chosen, done) {
  const view = controls(items, () => refresh(view));
  if (chosen) view.first.value = chosen;
  const send = make('button', { type: 'submit', className: 'ez-library-save', textContent: 'Make it' });
  const said = make('p', { className: 'ez-library-said', role: 'alert' });
  const form = make('form', {}, view.kind.element, view.formula, make('div', { className: 'ez-making-rows' }, ...Object.values(view.rows)),
    said, make('div', { className: 'ez-making-end' }, field('Name', view.name), send));
  form.addEventListener('input', ({ target }) => {
    if (target === view.name) view.isNamed = view.name.value !== '';
    refresh(view);
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    send.disabled = true;
    try { await post('/library/makings', orderOf(view)); done(); } catch (error) { said.textContent = error.message; }
    send.disabled = false;
  });
  refresh(view);
  return form;
}

function controls(items, changed) {
  const models = items.filter(({ kind, bytes }) => kind === 'model' && bytes);
  const view = {
    models, isNamed: false, kind: choice('What is made', 'ez-making-kind', KINDS), formula: make('p', { className: 'ez-making-formula', role: 'status' }),
    first: menu(models.map(({ id }) => [id, id])), method: menu(METHODS), second: menu([]), third: menu([]), ratio: ratio('Ratio m'),
    layout: menu(LAYOUTS), precision: menu(PRECISIONS), prune: make('input', { type: 'checkbox' }),
    loras: loraRows(items.filter(({ kind }) => kind === 'lora'), changed), name: make('input', { type: 'text', required: true, maxLength: 200, autocomplete: 'off', spellcheck: false }),
  };
  view.blocks = blocks(view.ratio);
  view.rows = {
    first: field('Model A', view.first), second: field('Model B', view.second), method: field('How', view.method), third: field('Model C', view.third),
    layout: field('Layout', view.layout), precision: field('Precision', view.precision), loras: view.loras.element, ratio: view.ratio.element, blocks: view.blocks.element,
    prune: make('label', { className: 'ez-making-check ez-making-wide' }, view.prune, make('span', { textContent: 'Leave out averaged weights, which nothing draws with' })),
  };
  return view;
}

/** Show what the chosen kind needs; others of A's family alone can be merged with it. */
function refresh(view) {
  const kind = view.kind.value;
  const isDifference = view.method.value === 'difference';
  for (const name of Object.values(ROWS).flat()) view.rows[name].hidden = !ROWS[kind].includes(name);
  view.rows.third.hidden ||= !isDifference;
  view.ratio.element.hidden ||= view.blocks.value.length > 0;
  const family = view.models.find(({ id }) => id === view.first.value)?.family;
  const others = view.models.filter((model) => model.family === family && model.id !== view.first.value).map(({ id }) => [id, id]);
  offer(view.second, others.length ? others : [['', 'There is no other of its family']]);
  offer(view.third, others.filter(([id]) => id !== view.second.value).concat(others.length < 2 ? [['', 'There is no third of its family']] : []));
  view.formula.textContent = formula(view, kind, isDifference);
  if (!view.isNamed) view.name.value = suggested(view, kind);
}

const last = (id) => id.split('/').at(-1).replace(/\.(safetensors|ckpt|pt|pth|bin|gguf)$/, '');

function formula(view, kind, isDifference) {
  if (kind === 'convert') return 'A is written anew; it stays as it is.';
  if (kind === 'lora') return 'A with what each LoRA changes, times its weight.';
  const m = view.blocks.value.length ? 'm' : view.ratio.value;
  if (isDifference) return `A + ${m} × (B − C)`;
  return m === 'm' ? 'A × (1 − m) + B × m' : `A × ${Number((1 - m).toFixed(3))} + B × ${m}`;
}

function suggested(view, kind) {
  const parts = { merge: [last(view.second.value), view.blocks.value.length ? 'blocks' : view.ratio.value], lora: view.loras.value.map(({ id }) => last(id)), convert: [view.precision.value || view.layout.value || 'copy'] };
  return [last(view.first.value), ...parts[kind]].filter((part) => part !== '').join('-').slice(0, 200);
}

function orderOf(view) {
  const kind = view.kind.value;
  const said = { name: view.name.value, models: [view.first.value], precision: view.precision.value || null, prune: view.prune.checked };
  if (kind === 'convert') return { ...said, layout: view.layout.value || null };
  if (kind === 'lora') {
    if (!view.loras.value.length) throw new Error('No LoRA is chosen. Add one.');
    return { ...said, loras: view.loras.value };
  }
  const isDifference = view.method.value === 'difference';
  const models = [view.first.value, view.second.value, ...(isDifference ? [view.third.value] : [])];
  if (models.includes('')) throw new Error(`${models.length} models of one family are merged, and fewer are installed. Install another, or convert A.`);
  return { ...said, models, method: view.method.value, ratio: view.ratio.value, blocks: view.blocks.value };
}
