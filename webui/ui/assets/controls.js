// Controlnets, T2I-Adapters and IP-Adapters of a form: for each its picture, how strongly it steers, and during which steps.
// The form's value is the list of those that have a picture; one without says that it waits for it, also where a
// text from elsewhere told it.

import { address, get, post } from './api.js';
import { icon, make } from './dom.js';
import { fieldsOf, values } from './form.js';
import { settleFirst, settled } from './settled.js';
import { slotValue } from './slots.js';

const READS = { edges: 'white edges on black', classes: 'a map of classes in its colours', depth: 'a depth map, white is near', lines: 'white lines on black', normals: 'a map of normals', look: 'any picture, whose look it takes over' };
const MODES = ['Balanced', 'My prompt is more important', 'ControlNet is more important'];
const MODE_HELP = 'What counts more where prompt and picture disagree';
const OWN_PICTURE = { inpaint: 'From the canvas' };
const MOST = 4;

const views = [];
const early = new Map(); // what came to a form whose list was not there yet

export async function mount({ element, props, trigger, watch }, { tab }) {
  const view = { tab, root: element.querySelector('.ez-controls'), units: [], nets: [], ways: [], coming: new Set() };
  settleFirst(tab, () => Promise.all(view.coming)); // pictures that are on their way are meant
  view.changed = () => {
    const complete = view.units.filter((unit) => unit.image).map(told);
    if (JSON.stringify(complete) === JSON.stringify(props.value || [])) return;
    props.value = complete.length ? complete : null;
    trigger('change');
  };
  watch('value', () => takeOver(view, props.value || []));
  view.nets = await get('/adapters?kind=controlnet').catch(() => []);
  view.ways = await get('/preprocessors').catch(() => []);
  takeOver(view, props.value || []);
  render(view);
  views.push(view);
  putWaiting(view, early.get(tab) ?? []);
  early.delete(tab);
  document.addEventListener('easel:offers', () => askAgain(view));
}

/** Controls that a text told, which has no pictures. One that is there keeps its picture; returns what takes all back. */
export function awaitPictures(tab, controls) {
  const view = views.findLast((one) => one.tab === tab && one.root.isConnected);
  if (view) return putWaiting(view, controls);
  early.set(tab, controls);
  return () => early.delete(tab);
}

function putWaiting(view, controls) {
  const before = view.units;
  const units = [...before];
  for (const { preprocessor: way, settings, adapter, mode, ...numbers } of controls) {
    const place = units.findIndex((one) => one.adapter === adapter && before.includes(one));
    const unit = { ...(units[place] ?? { adapter, image: null }), ...numbers, mode };
    if (mode === MODES[0]) delete unit.mode;
    if (!unit.image) Object.assign(unit, { way, settings });
    if (place >= 0) units[place] = unit;
    else if (units.length < MOST) units.push(unit);
  }
  const show = (these) => { view.units = these; view.changed(); render(view); };
  if (controls.length) show(units);
  return () => show(before);
}

/** Preprocessors of extensions come and go; what one made of a picture stays. */
async function askAgain(view) {
  const found = await get('/preprocessors').catch(() => null); // the studio is away: what is known stays
  if (!found || JSON.stringify(found) === JSON.stringify(view.ways)) return;
  view.ways = found;
  render(view);
}

/** What of a unit is the request's; the rest is the page's: what was said, what its picture was made of. */
function told({ said, source, way, settings, asked, ...unit }) {
  return unit;
}

/** The form was filled: show its list, unless it is what is shown already. */
function takeOver(view, given) {
  const mine = view.units.filter((unit) => unit.image).map(told);
  if (JSON.stringify(mine) === JSON.stringify(given)) return;
  view.units = given.map((unit) => ({ ...unit }));
  render(view);
}

function render(view) {
  const add = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Add a control', disabled: view.units.length >= MOST, onclick: () => { view.units.push({ adapter: view.nets[0].id, image: null, weight: 1, start: 0, end: 1 }); render(view); } });
  const none = make('p', { className: 'ez-controls-none', textContent: 'No controlnet is installed. Put one into the models folder.' });
  view.root.replaceChildren(...view.units.map((unit) => row(view, unit)), view.nets.length ? add : none);
}

function row(view, unit) {
  const net = view.nets.find((one) => one.id === unit.adapter);
  const changed = () => { view.changed(); };
  const menu = make('select', { 'aria-label': 'Controlnet', onchange: () => { unit.adapter = menu.value; changed(); render(view); } },
    ...view.nets.map((one) => make('option', { value: one.id, textContent: one.title, selected: one.id === unit.adapter })));
  const remove = make('button', { type: 'button', className: 'ez-icon', title: 'Remove this control', 'aria-label': 'Remove this control', onclick: () => { view.units = view.units.filter((other) => other !== unit); changed(); render(view); } }, icon('close'));
  return make('fieldset', { className: 'ez-control-unit' },
    make('div', { className: 'ez-control-head' }, menu, remove),
    kinds(view, unit, net),
    preprocessor(view, unit, net),
    make('div', { className: 'ez-control-body' }, picture(view, unit),
      make('div', { className: 'ez-control-side' },
        make('div', { className: 'ez-control-numbers' },
          number('Weight', unit, 'weight', 0, 2, 0.05, changed),
          number('From', unit, 'start', 0, 0.95, 0.05, changed, () => unit.end),
          number('Until', unit, 'end', 0.05, 1, 0.05, changed, null, () => unit.start)),
        make('div', { className: 'ez-control-where' }, ...fromCanvas(view, unit, net)))),
    where(view, unit),
    ...(net?.reads === 'look' ? forget(unit, 'mode') : [mode(unit, changed)]),
    make('p', { className: 'ez-control-said', role: 'status', textContent: unit.said ?? (unit.image ? '' : waits(unit, net)) }));
}

function waits(unit, net) {
  if (unit.way) return `Waits for a picture, which ${unit.way} makes its own of.`;
  return `Waits for its picture${READS[net?.reads] ? `: ${READS[net.reads]}` : ''}.`;
}

/** Which counts more, the prompt or the picture; what is usual is not said. */
function mode(unit, changed) {
  const menu = make('select', { 'aria-label': 'Control mode', onchange: () => { unit.mode = menu.value; if (unit.mode === MODES[0]) delete unit.mode; changed(); } },
    ...MODES.map((name) => make('option', { value: name, textContent: name, selected: name === (unit.mode ?? MODES[0]) })));
  return make('div', { className: 'ez-control-numbers ez-control-way', title: MODE_HELP }, make('label', { className: 'ez-number' }, make('span', { textContent: 'Control mode' }), menu));
}

function forget(unit, name) {
  delete unit[name];
  return [];
}

/** Of a controlnet that reads several kinds of pictures: which one this is. */
function kinds(view, unit, net) {
  if (!net?.kinds?.length) {
    delete unit.kind;
    return '';
  }
  unit.kind ??= net.kinds.includes(net.reads) ? net.reads : 'edges';
  const menu = make('select', { 'aria-label': 'Kind of picture', onchange: () => { unit.kind = menu.value; view.changed(); } },
    ...net.kinds.map((kind) => make('option', { value: kind, textContent: kind, selected: kind === unit.kind })));
  return make('div', { className: 'ez-control-numbers ez-control-way' }, make('label', { className: 'ez-number' }, make('span', { textContent: 'Kind of picture' }), menu));
}

function picture(view, unit) {
  const input = make('input', { type: 'file', accept: 'image/*', 'aria-label': 'Choose the picture that it follows', onchange: () => input.files[0] && take(view, unit, input.files[0]) });
  const label = make('label', { className: 'ez-control-picture', title: 'Choose or drop the picture that it follows' },
    unit.image ? make('img', { src: address(`/images/${unit.image}`), alt: 'Picture that it follows' }) : icon('image'), input);
  label.addEventListener('dragover', (event) => event.preventDefault());
  label.addEventListener('drop', (event) => { event.preventDefault(); if (event.dataTransfer.files[0]) take(view, unit, event.dataTransfer.files[0]); });
  return label;
}

/** Buttons that take what the form has already: its own picture, as canvas or well have it; what is painted on it; the map. */
function fromCanvas(view, unit, net) {
  const button = (textContent, title, act) => make('button', { type: 'button', className: 'ez-controls-add', textContent, title, onclick: act });
  const own = async () => { await settled(view.tab); return values(view.tab).image ?? slotValue(view.tab, 'image'); };
  const canvas = OWN_PICTURE[view.tab];
  const picture = button(canvas ?? 'Use the start image', 'The picture as it is now, with the colours on it; a preprocessor makes lines and the like of it', () => adopt(view, unit, own, 'There is no picture yet. Bring one in first.'));
  const strokes = button('Strokes alone', 'What the colour brush painted, white on black: a scribble', () => awaited(view, scribble(view, unit)));
  const map = net?.reads === 'classes' ? slotValue('semantic', 'class_map') : null;
  return [
    ...(fieldsOf(view.tab).includes('image') ? [picture] : []),
    ...(canvas ? [strokes] : []),
    ...(map && map !== unit.image ? [button('Use the painted map', '', () => adopt(view, unit, () => map))] : []),
  ];
}

async function adopt(view, unit, taken, none) {
  try {
    const image = await taken();
    if (!image) { unit.said = none; render(view); return; }
    Object.assign(unit, { source: image, image, said: undefined, asked: null });
  } catch (error) {
    unit.said = error.message;
  }
  if (unit.way && !unit.said) return void remake(view, unit);
  view.changed();
  render(view);
}

/** The strokes are lines already, of which a preprocessor would only make their edges. */
const scribble = (view, unit) => adopt(view, unit, async () => {
  const image = await strokesOn(view.tab);
  if (image) Object.assign(unit, { way: '', settings: {} });
  return image;
}, 'No colours are painted on the picture yet. Paint some with the colour brush (C).');

/** Id of a picture of what was painted on a tab's canvas; null where nothing was. */
async function strokesOn(tab) {
  const [{ deskOf }, { strokesOf }] = await Promise.all([import('./canvas/canvas.js'), import('./canvas/sketch.js')]);
  const drawn = strokesOf(deskOf(tab).board);
  return drawn && (await post('/images', await drawn.convertToBlob({ type: 'image/png' }))).id;
}

/** Where it steers: a picture that is white there. */
function where(view, unit) {
  const put = (mask) => { if (mask) unit.mask = mask; else delete unit.mask; unit.said = undefined; view.changed(); render(view); };
  const taken = async (file) => { try { put((await post('/images', file)).id); } catch (error) { unit.said = error.message; render(view); } };
  const input = make('input', { type: 'file', accept: 'image/*', 'aria-label': 'Choose a mask that is white where it steers', onchange: () => input.files[0] && taken(input.files[0]) });
  const label = make('label', { className: 'ez-controls-add', title: 'Choose a mask that is white where it steers' }, unit.mask ? make('img', { src: address(`/images/${unit.mask}`), alt: 'Where it steers' }) : '', unit.mask ? 'Another mask' : 'Only within a mask', input);
  const painted = async () => {
    await settled(view.tab);
    const mask = slotValue(view.tab, 'mask');
    if (mask) return put(mask);
    unit.said = 'No mask is painted yet. Paint where it shall steer, then use it.';
    render(view);
  };
  const use = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Use the painted mask', onclick: painted });
  const everywhere = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Everywhere', onclick: () => put(null) });
  return make('div', { className: 'ez-control-where' }, label, ...(OWN_PICTURE[view.tab] ? [use] : []), ...(unit.mask ? [everywhere] : []));
}

/** The menu of ways to make the picture of another, those that suit the controlnet first, and their settings. */
function preprocessor(view, unit, net) {
  const suits = (way) => way.reads.includes(net?.reads);
  const ways = [...view.ways].sort((a, b) => suits(b) - suits(a));
  const menu = make('select', { 'aria-label': 'Preprocessor', title: 'Make its picture of the one that is chosen', onchange: () => { unit.way = menu.value; unit.settings = {}; remake(view, unit); } },
    make('option', { value: '', textContent: 'no preprocessor', selected: !unit.way }),
    ...ways.map((way) => make('option', { value: way.name, textContent: way.name, title: way.help, selected: way.name === unit.way })));
  const chosen = view.ways.find((way) => way.name === unit.way);
  const numbers = (chosen?.settings ?? []).map((one) => {
    unit.settings[one.name] ??= one.usual;
    return number(one.title, unit.settings, one.name, one.low, one.high, one.step, () => remake(view, unit));
  });
  return make('div', { className: 'ez-control-numbers ez-control-way' }, make('label', { className: 'ez-number' }, make('span', { textContent: 'Preprocessor' }), menu), ...numbers);
}

/** Let Generate wait for something. */
function awaited(view, doing) {
  view.coming.add(doing);
  return doing.finally(() => view.coming.delete(doing));
}

/** The unit's picture, made anew of the one that was chosen. */
const remake = (view, unit) => awaited(view, made(view, unit));

async function made(view, unit) {
  const asked = unit.asked = {};
  try {
    if (!unit.source) unit.source = unit.image;
    const order = { image: unit.source, preprocessor: unit.way, settings: unit.settings };
    const image = unit.way && unit.source ? (await post('/preprocess', order)).id : unit.source;
    if (unit.asked !== asked) return;
    unit.image = image;
    unit.said = undefined;
  } catch (error) {
    unit.said = error.message;
  }
  view.changed();
  render(view);
}

const take = (view, unit, file) => awaited(view, taken(view, unit, file));

async function taken(view, unit, file) {
  try {
    unit.source = (await post('/images', file)).id;
    unit.image = unit.source;
    unit.said = undefined;
    if (unit.way) return await made(view, unit);
  } catch (error) {
    unit.said = error.message;
  }
  view.changed();
  render(view);
}

function number(title, unit, name, low, high, step, changed, below = null, above = null) {
  const input = make('input', { type: 'number', min: low, max: high, step, value: unit[name] });
  input.addEventListener('change', () => {
    const most = below ? Math.min(high, below() - step) : high;
    const least = above ? Math.max(low, above() + step) : low;
    const typed = Number.parseFloat(input.value);
    unit[name] = Math.round(Math.min(most, Math.max(least, Number.isFinite(typed) ? typed : unit[name])) * 1e4) / 1e4;
    input.value = unit[name];
    changed();
  });
  return make('label', { className: 'ez-number' }, make('span', { textContent: title }), input);
}
