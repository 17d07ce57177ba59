// Words for what is painted: for each class on the map, and each label of a box, a prompt and a weight.
// What somebody wrote for a class stays with it while it is not on the map. The form's value is the list
// of those that are, or nothing beside a model that follows maps or boxes itself.

import { make } from '../dom.js';
import { settleFirst } from '../settled.js';
import { enrol } from '../slots.js';
import { deskOf } from './canvas.js';

const KEY = 'easel.regions';
const MOST = 32;
const CONTROLNET = 'Segmentation ControlNet';
const QUIET_MS = 150;

export function mount({ element, props, trigger, watch }, { tab }) {
  const view = { tab, root: element.querySelector('.ez-regions'), host: element.closest(`#${tab}-regions`) ?? element, words: read(), shown: null, timer: 0 };
  view.send = (list) => {
    if (JSON.stringify(list) === JSON.stringify(props.value || null)) return;
    props.value = list;
    trigger('change');
  };
  const soon = () => { clearTimeout(view.timer); view.timer = setTimeout(() => follow(view), QUIET_MS); };
  enrol(tab, 'regions', { props, trigger });
  settleFirst(tab, async () => { clearTimeout(view.timer); follow(view); });
  watch('value', () => takeOver(view, props.value || []));
  takeOver(view, props.value || []);
  document.addEventListener('easel:canvas', ({ detail }) => { if (detail.tab === tab && detail.finished) soon(); });
  for (const kind of ['easel:form', 'easel:slot']) document.addEventListener(kind, ({ detail }) => { if (detail.tab === tab) soon(); });
  document.addEventListener('easel:classes', soon);
  soon();
}

function read() {
  try { return new Map(Object.entries(JSON.parse(localStorage.getItem(KEY)) ?? {})); } catch { return new Map(); }
}

function keep(view) {
  try { localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(view.words))); } catch { /* private mode */ }
}

/** The form was filled: its words are the ones now. */
function takeOver(view, given) {
  for (const { name, prompt, weight } of given) if (name) view.words.set(name, { prompt, weight });
  if (given.length) follow(view, true);
}

/** What is on the canvas, the largest first: { value, name }. */
function used(desk) {
  const { board, classes } = desk;
  const counts = new Uint32Array(256);
  for (const value of board.layer.data) counts[value]++;
  const labels = [...new Set(board.boxes.map((box) => box.label))];
  const painted = classes.map((name, value) => ({ value, name, count: counts[value] })).filter(({ count }) => count);
  const map = painted.length === 1 && labels.length ? [] : painted; // a bare ground under boxes says nothing
  const boxed = labels.filter((name) => !map.some((one) => one.name === name)).map((name) => ({ value: Math.max(0, classes.indexOf(name)), name, count: 0 }));
  return [...map, ...boxed].sort((a, b) => b.count - a.count).slice(0, MOST);
}

function follow(view, anew = false) {
  const desk = deskOf(view.tab);
  if (!desk) return;
  const counts = desk.mixed && desk.followed?.map_driver !== CONTROLNET;
  for (const element of [view.host, document.getElementById(`${view.tab}-shares`)]) if (element) element.style.display = counts ? '' : 'none';
  if (!counts) { view.send(null); return; }
  const list = used(desk);
  const shown = JSON.stringify([list.map(({ value, name }) => [value, name]), desk.palette]);
  if (anew || view.shown !== shown) { view.shown = shown; render(view, desk, list); }
  publish(view, desk, list);
}

function publish(view, desk, list) {
  const entries = list.map(({ value, name }) => {
    const said = view.words.get(name) ?? {};
    return { value, name, prompt: said.prompt?.trim() || usual(desk, name), weight: said.weight ?? 1 };
  });
  view.send(entries.length ? entries : null);
}

const usual = (desk, name) => desk.palette.find((entry) => entry.name === name)?.words ?? name;

function render(view, desk, list) {
  const held = document.activeElement?.closest?.('.ez-region')?.dataset.name;
  const field = document.activeElement?.type;
  view.root.replaceChildren(make('p', { className: 'ez-regions-title', textContent: 'What is seen where' }), ...list.map((one) => row(view, desk, list, one)));
  if (held) view.root.querySelector(`[data-name="${CSS.escape(held)}"] input[type=${field}]`)?.focus();
}

function row(view, desk, list, { name }) {
  const said = view.words.get(name) ?? {};
  const swatch = make('i', { title: name });
  swatch.style.background = desk.colourOf(name);
  const own = said.prompt && said.prompt !== usual(desk, name) ? said.prompt : '';
  const prompt = make('input', { type: 'text', value: own, placeholder: usual(desk, name), maxLength: 2000, 'aria-label': `Words for ${name}` });
  const weight = make('input', { type: 'number', min: 0, max: 4, step: 0.1, value: said.weight ?? 1, title: 'Weight', 'aria-label': `Weight of ${name}` });
  const changed = () => {
    const number = Number.parseFloat(weight.value);
    view.words.set(name, { prompt: prompt.value, weight: Number.isFinite(number) ? Math.min(4, Math.max(0, number)) : 1 });
    keep(view);
    publish(view, desk, list);
  };
  prompt.addEventListener('input', changed);
  weight.addEventListener('change', changed);
  const element = make('div', { className: 'ez-region' }, swatch, make('label', {}, make('span', { textContent: name }), prompt), weight);
  element.dataset.name = name;
  return element;
}
