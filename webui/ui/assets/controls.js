// Controlnets, T2I-Adapters and IP-Adapters of a form: for each its picture, how strongly it steers, and during which steps.
// The form's value is the list of those that have a picture; one without says that it waits for it, also where a
// text from elsewhere told it.

import { address, get } from './api.js';
import { follow, follows, keepInMind, leftOf, MASK, maskOf, PICTURE, recalled, remake, STROKES, take, THE_MAP, upToDate } from './control_pictures.js';
import { icon, make } from './dom.js';
import { fieldsOf, restored } from './form.js';
import { settleFirst, settleLast } from './settled.js';

const READS = { edges: 'white edges on black', classes: 'a map of classes in its colours', depth: 'a depth map, white is near', lines: 'white lines on black', normals: 'a map of normals', look: 'any picture, whose look it takes over' };
const MODES = ['Balanced', 'My prompt is more important', 'ControlNet is more important'];
const MODE_HELP = 'What counts more where prompt and picture disagree';
const RESIZES = ['Automatic', 'Just resize', 'Crop and resize', 'Resize and fill'];
const RESIZE_HELP = 'How its picture is brought to the drawn size where that has another shape. Automatic: as a start image of its shape, else cropped';
const TABBED = 'select, input, button';
const OWN_PICTURE = { inpaint: 'From the canvas' };
const MOST = 4;

const views = [];
const early = new Map(); // what came to a form whose list was not there yet

export async function mount({ element, props, trigger, watch }, { tab }) {
  const view = { tab, root: element.querySelector('.ez-controls'), units: [], nets: [], ways: [], coming: new Set(), isNew: true, hasBegun: false, left: leftOf(tab) };
  view.show = () => render(view);
  settleFirst(tab, () => Promise.all(view.coming)); // pictures that are on their way are meant
  settleLast(tab, () => upToDate(view));
  document.addEventListener('easel:form', () => follow(view));
  view.changed = () => {
    const complete = view.units.filter((unit) => unit.image).map(told);
    if (view.hasBegun) keepInMind(view);
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
  await restored(tab);
  view.hasBegun = true;
  putBack(view, view.left.filter(({ image }) => !image));
}

/** Controls without a picture, of which the form's value does not tell, behind those that it has. */
function putBack(view, waiting) {
  if (!waiting.length) return;
  view.units.push(...waiting.slice(0, MOST - view.units.length));
  keepInMind(view);
  render(view);
}

/** Controls that a text told, which has no pictures. One that is there keeps its picture; returns what takes all back. */
export function awaitPictures(tab, controls) {
  const view = views.findLast((one) => one.tab === tab && one.root.isConnected);
  if (view) return putWaiting(view, controls);
  early.set(tab, controls);
  return () => early.delete(tab);
}

/** Which of a form's controls, as a request has them, follow its start image: in a batch each reads every image. */
export function followers(tab) {
  const view = views.findLast((one) => one.tab === tab && one.root.isConnected);
  const sent = (view?.units ?? []).filter((unit) => unit.image);
  return sent.flatMap((unit, control) => (unit.following === PICTURE ? [{ control, preprocessor: unit.way ?? '', settings: unit.settings ?? {} }] : []));
}

function putWaiting(view, controls) {
  const before = view.units;
  const units = [...before];
  for (const { preprocessor: way, settings, adapter, ...chosen } of controls) {
    const place = units.findIndex((one) => one.adapter === adapter && before.includes(one));
    const unit = { ...(units[place] ?? { adapter, image: null }), ...chosen };
    if (unit.mode === MODES[0]) delete unit.mode;
    if (unit.resize_mode === RESIZES[0]) delete unit.resize_mode;
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
function told({ said, source, way, settings, asked, following, seen, followsMask, ...unit }) {
  return unit;
}

/** The form was filled: show its list, unless it is what is shown already. */
function takeOver(view, given) {
  const mine = view.units.filter((unit) => unit.image).map(told);
  if (JSON.stringify(mine) === JSON.stringify(given)) return;
  view.units = given.map((unit) => ({ ...unit, ...recalled(view, unit) }));
  if (given.length) view.isNew = false;
  if (view.hasBegun) keepInMind(view);
  render(view);
}

/** Show the list anew; who was in it with the keyboard stays where they were. */
function render(view) {
  const at = [...view.root.querySelectorAll(TABBED)].indexOf(document.activeElement);
  fillIn(view);
  if (at >= 0) view.root.querySelectorAll(TABBED)[at]?.focus({ preventScroll: true });
}

function fillIn(view) {
  const add = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Add a control', disabled: view.units.length >= MOST, onclick: () => { view.units.push({ adapter: view.nets[0].id, image: null, weight: 1, start: 0, end: 1 }); view.changed(); render(view); } });
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
    ...(net?.reads === 'look' ? forget(unit, 'mode', 'resize_mode') : [choice(unit, 'mode', 'Control mode', MODES, MODE_HELP, changed), choice(unit, 'resize_mode', 'Resize mode', RESIZES, RESIZE_HELP, changed)]),
    make('p', { className: 'ez-control-said', role: 'status', textContent: unit.said ?? (unit.image ? '' : waits(unit, net)) }));
}

function waits(unit, net) {
  if (unit.way) return `Waits for a picture, which ${unit.way} makes its own of.`;
  return `Waits for its picture${READS[net?.reads] ? `: ${READS[net.reads]}` : ''}.`;
}

/** A menu of a unit; the first of its values is the usual one, which is not said. */
function choice(unit, name, label, options, help, changed) {
  const menu = make('select', { 'aria-label': label, onchange: () => { unit[name] = menu.value; if (menu.value === options[0]) delete unit[name]; changed(); } },
    ...options.map((option) => make('option', { value: option, textContent: option, selected: option === (unit[name] ?? options[0]) })));
  return make('div', { className: 'ez-control-numbers ez-control-way', title: help }, make('label', { className: 'ez-number' }, make('span', { textContent: label }), menu));
}

function forget(unit, ...names) {
  for (const name of names) delete unit[name];
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

/** Buttons that take what the form has already, and go on to: its own picture, as canvas or well have it; what is painted on it; the map. */
function fromCanvas(view, unit, net) {
  const canvas = OWN_PICTURE[view.tab];
  const button = (what, textContent, title) => make('button', { type: 'button', className: 'ez-controls-add', textContent, title: `${title}. It follows what changes there, until it is pressed again`, 'aria-pressed': String(unit.following === what), onclick: () => follows(view, unit, what) });
  return [
    ...(fieldsOf(view.tab).includes('image') ? [button(PICTURE, canvas ?? 'Use the start image', 'The picture, with the colours on it; a preprocessor makes lines and the like of it')] : []),
    ...(canvas ? [button(STROKES, 'Strokes alone', 'What the colour brush painted, white on black: a scribble')] : []),
    ...(net?.reads === 'classes' ? [button(THE_MAP, 'Use the painted map', 'The map of classes of the semantic tab')] : []),
  ];
}

/** Where it steers: a picture that is white there. */
function where(view, unit) {
  const input = make('input', { type: 'file', accept: 'image/*', 'aria-label': 'Choose a mask that is white where it steers', onchange: () => input.files[0] && maskOf(view, unit, input.files[0]) });
  const label = make('label', { className: 'ez-controls-add', title: 'Choose a mask that is white where it steers' }, unit.mask ? make('img', { src: address(`/images/${unit.mask}`), alt: 'Where it steers' }) : '', unit.mask ? 'Another mask' : 'Only within a mask', input);
  const use = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Use the painted mask', title: 'It follows what is painted, until it is pressed again', 'aria-pressed': String(!!unit.followsMask), onclick: () => follows(view, unit, MASK) });
  const everywhere = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Everywhere', onclick: () => maskOf(view, unit, null) });
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
