// An X/Y/Z plot: what up to three axes vary, how much that is, and the way to order it.
//
// The form's value is the plot itself, so it is kept with the form and comes back with a grid's parameters.
// A grid is made by the studio when the last picture is there; until then its batch is remembered here.

import { get, post } from './api.js';
import { duration, icon, make } from './dom.js';
import { values } from './form.js';
import { remembered } from './remembered.js';
import { settled } from './settled.js';
import * as store from './store.js';

const NAMES = ['x', 'y', 'z'];
const SWAPS = [['x', 'y'], ['y', 'z'], ['x', 'z']];
const MEASURE_MS = 400;
const ASK_MS = 500;
const USUAL = { legend: true, margin: 0, lone_images: true, sub_grids: false, keep_seeds: false };
const SWITCHES = { legend: 'Legend', sub_grids: 'Grids of each Z', lone_images: 'Keep the single pictures', keep_seeds: 'Keep −1 for seeds' };

let axes = [];

export function mount({ element, props, trigger, watch }, { tab }) {
  const root = element.querySelector('.ez-plot');
  const panel = { tab, root, timer: null, shown: '' };
  panel.value = () => (typeof props.value === 'object' && props.value ? props.value : {});
  panel.set = (value) => {
    props.value = NAMES.some((name) => value[name]) ? value : null;
    trigger('change');
    render(panel);
  };
  panel.order = async () => { await settled(tab); trigger('submit'); };
  build(panel);
  watch('value', () => render(panel));
  document.addEventListener('easel:form', ({ detail }) => { if (detail.tab === tab) measureSoon(panel); });
  document.addEventListener('easel:answered', ({ detail }) => { if (detail.tab === tab && detail.plot) wait(detail.plot); });
  root.closest('.ez-fold')?.addEventListener('click', () => refreshAxes(panel), { capture: true });
  refreshAxes(panel);
}

async function refreshAxes(panel) {
  try { axes = await get('/plots/axes'); } catch { return; } // the next click asks again
  panel.shown = '';
  render(panel);
}

function build(panel) {
  const button = (className, ...children) => make('button', { type: 'button', className }, ...children);
  panel.rows = Object.fromEntries(NAMES.map((name) => [name, axisRow(panel, name)]));
  panel.swaps = SWAPS.map(([a, b]) => {
    const title = `Swap ${a.toUpperCase()} and ${b.toUpperCase()}`;
    const swap = button('ez-button', icon('swap'), make('span', { textContent: `${a.toUpperCase()} ${b.toUpperCase()}` }));
    Object.assign(swap, { title, ariaLabel: title });
    swap.addEventListener('click', () => { const now = panel.value(); panel.set({ ...USUAL, ...now, [a]: now[b] ?? null, [b]: now[a] ?? null }); });
    return swap;
  });
  panel.switches = Object.entries(SWITCHES).map(([name, title]) => {
    const box = make('input', { type: 'checkbox', onchange: () => panel.set({ ...USUAL, ...panel.value(), [name]: box.checked }) });
    return { name, box, label: make('label', {}, box, title) };
  });
  panel.margin = make('input', { type: 'number', min: 0, max: 500, step: 1, onchange: () => panel.set({ ...USUAL, ...panel.value(), margin: within(panel.margin.valueAsNumber, 0, 500) }) });
  panel.said = make('p', { className: 'ez-plot-said', role: 'status' });
  panel.go = button('ez-button', 'Draw the plot');
  panel.go.id = `${panel.tab}-plot-go`;
  panel.go.addEventListener('click', panel.order);
  panel.root.append(...Object.values(panel.rows).map((row) => row.element), make('div', { className: 'ez-plot-swaps' }, ...panel.swaps),
    make('fieldset', {}, ...panel.switches.map((one) => one.label), make('label', {}, 'Margin', panel.margin)), panel.said, make('div', { className: 'ez-batch-go' }, panel.go));
}

function axisRow(panel, name) {
  const letter = name.toUpperCase();
  const menu = make('select', { 'aria-label': `${letter} axis`, onchange: () => say({ axis: menu.value, values: '' }) });
  const field = make('input', { type: 'text', spellcheck: false, 'aria-label': `${letter} values`, onchange: () => say({ axis: menu.value, values: field.value }) });
  const add = make('select', { 'aria-label': `Add to the ${letter} values`, onchange: () => { say({ axis: menu.value, values: added(field.value, add.value) }); } });
  const say = (choice) => panel.set({ ...USUAL, ...panel.value(), [name]: choice.axis ? choice : null });
  const element = make('div', { className: 'ez-plot-axis' }, make('span', { textContent: letter, 'aria-hidden': 'true' }), menu, make('div', { className: 'ez-plot-values' }, field, add));
  return { element, menu, field, add };
}

const ALL = '*';
const quoted = (text) => (/[",\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text);
const added = (text, choice) => (choice.startsWith(ALL) ? choice.slice(ALL.length) : [text.trim().replace(/,$/, ''), quoted(choice)].filter(Boolean).join(', '));
const within = (value, low, high) => Math.min(high, Math.max(low, Number.isFinite(value) ? Math.round(value) : low));

function render(panel) {
  const value = { ...USUAL, ...panel.value() };
  const shown = JSON.stringify(value) + axes.length;
  if (shown === panel.shown) return;
  panel.shown = shown;
  for (const name of NAMES) renderAxis(panel.rows[name], value[name]);
  for (const { name, box } of panel.switches) box.checked = value[name];
  panel.margin.value = value.margin;
  measureSoon(panel);
}

function renderAxis({ menu, field, add }, choice) {
  const wanted = choice?.axis ?? '';
  const known = axes.find((axis) => axis.name === wanted || axis.title === wanted);
  const missing = wanted && !known ? [make('option', { value: wanted, textContent: wanted })] : [];
  menu.replaceChildren(make('option', { value: '', textContent: 'Nothing' }), ...missing, ...axes.map(({ name, title }) => make('option', { value: name, textContent: title })));
  menu.value = known?.name ?? wanted;
  field.value = choice?.values ?? '';
  field.disabled = !wanted;
  field.placeholder = !wanted ? '' : known?.kind === 'text' ? 'one, two, "three, four"' : '1, 2   1-5   1-10 (+3)   1-10 [4]';
  const choices = known?.choices ?? [];
  add.hidden = !choices.length;
  add.replaceChildren(make('option', { value: '', textContent: 'Add', disabled: true, selected: true }), make('option', { value: ALL + choices.map(quoted).join(', '), textContent: 'All' }),
    ...choices.map((one) => make('option', { value: one, textContent: one })));
}

function measureSoon(panel) {
  clearTimeout(panel.timer);
  panel.timer = setTimeout(() => measure(panel), MEASURE_MS);
}

/** Say how much the plot is, or why it cannot be drawn. */
async function measure(panel) {
  const plot = panel.value();
  const ready = NAMES.some((name) => plot[name]) && NAMES.every((name) => !plot[name] || plot[name].values.trim());
  panel.asked = ready ? Symbol('asked') : null;
  const mine = panel.asked;
  if (!ready) { say(panel, ''); return; }
  const said = Object.entries({ ...values(panel.tab), plot }).filter(([, value]) => value !== null && value !== '');
  try {
    const size = await post('/plots/size', Object.fromEntries([...said, ['prompt', values(panel.tab).prompt ?? '']]));
    if (mine === panel.asked) say(panel, inWords(size));
  } catch (error) {
    if (mine === panel.asked) say(panel, error.message, true);
  }
}

function say({ said }, text, bad = false) {
  said.textContent = text;
  said.classList.toggle('ez-bad', bad);
}

function inWords({ pictures, columns, rows, sheets, steps, width, height, seconds }) {
  const shape = [columns, rows, ...(sheets > 1 ? [sheets] : [])].join(' × ');
  const time = seconds === null ? '' : `, about ${duration(Math.max(1, Math.round(seconds)))}`;
  return `${shape} = ${pictures} ${pictures === 1 ? 'picture' : 'pictures'}, ${steps} steps${time}. The grid: ${width} × ${height}.`;
}

// Grids that are awaited

const kept = remembered('easel.plots');
const waiting = new Set(kept.read()); // by this tab: one that does not show a plot's pictures leaves its grid to others
let asking = null;
store.subscribe(lookSoon);

function wait(batch) {
  waiting.add(batch);
  kept.add(batch);
  lookSoon();
}

function lookSoon() {
  if (waiting.size && asking === null) asking = setTimeout(look, ASK_MS);
}

/** Take up each grid whose pictures have all ended. */
async function look() {
  const going = new Set(store.active().map((job) => job.request?.batch));
  for (const batch of [...waiting].filter((one) => !going.has(one))) {
    try {
      const { ended, grid } = await get(`/plots/${batch}`);
      if (ended) await taken(batch, grid);
    } catch (error) {
      if (error.status === 404) await taken(batch, null);
    }
  }
  asking = null;
  if ([...waiting].some((one) => !going.has(one))) lookSoon();
}

/** Wait no longer, and show the grid; what another tab took up first may be dismissed since. */
async function taken(batch, grid) {
  const isFirst = kept.read().includes(batch);
  waiting.delete(batch);
  kept.drop(batch);
  if (grid) await (isFirst ? store.add(grid.id) : store.takeUp(grid.id));
}
