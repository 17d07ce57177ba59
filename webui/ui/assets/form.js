// A form in the browser: kept between visits, filled by name, with a dot where a value is changed.

import { make } from './dom.js';
import { models } from './models.js';
import { lastSeed } from './store.js';

const forms = new Map();
const declared = new Map(); // names of every form's parameters, also of those whose tab was not opened yet
const ANSWER_MS = 15000;
const awaited = new Map(); // who is to be told when a form has what was kept
const pending = new Map(); // what a form is to be filled with once it is there and has what was kept
let opened = 'txt2img';
let latest = 'txt2img';

const keyOf = (name) => `easel.form.${name}`;

/** The form in use: that of the open tab, or the latest one when the open tab has none. */
export function currentTab() {
  if (forms.has(opened)) latest = opened;
  return latest;
}

export function setCurrentTab(name) {
  opened = name;
  announce(currentTab());
}

export const values = (name) => forms.get(name)?.values ?? {};

/** Names of the parameters that a form has a control for; none where there is no such form. */
export const fieldsOf = (name) => declared.get(name) ?? [];

/** Whether a form is in the page: it is from when its tab is first opened. */
export const isThere = (name) => forms.has(name);

/** Resolves when a form is in the page and has the values that were kept, or their answer is late. */
export function restored(name) {
  if (forms.get(name)?.restored) return Promise.resolve();
  return new Promise((resolve) => { awaited.set(name, [...(awaited.get(name) ?? []), resolve]); });
}

function tellRestored(name) {
  for (const resolve of awaited.get(name) ?? []) resolve();
  awaited.delete(name);
}

/** Say which forms there are, before they are in the page. */
export function declare(fields) {
  for (const [name, names] of Object.entries(fields)) declared.set(name, names);
}

/** Connect a form's bridge: bring back what was kept, and stand ready to fill. */
export function mount({ element, props, trigger }, { tab: name, fields }) {
  const form = { fields, values: {}, suits: {}, kept: read(name), early: {}, restored: false, sent: 0, send: (payload, event) => { props.value = { ...payload, stamp: Date.now() + Math.random() }; trigger(event); } };
  forms.set(name, form);
  listen(form, element, trigger);
  for (const field of fields) decorate(form, name, field);
  const asked = pending.get(name);
  pending.delete(name);
  if (asked?.start) form.then = () => form.send({ values: {} }, 'submit');
  form.send({ values: { ...form.kept, ...asked?.values }, restore: true }, 'input');
  setTimeout(() => tellRestored(name), ANSWER_MS);
}

const MAY_CHANGE = ['input', 'change', 'click', 'mousedown', 'keydown', 'focusout', 'easel:told'];

/** Ask for the form's values when something happens in its tab that may have changed one: at once for what is typed. */
function listen(form, bridge, trigger) {
  let asked = false;
  const ask = () => { asked = false; trigger('select'); };
  form.ask = () => {
    if (!asked) setTimeout(ask);
    asked = true;
  };
  const column = bridge.closest('.ez-tab');
  for (const kind of MAY_CHANGE) {
    column.addEventListener(kind, ({ target }) => {
      if (bridge.contains(target)) return;
      if (kind === 'input') queueMicrotask(() => trigger('select')); // what Gradio answers may replace it at any moment
      else form.ask();
    });
  }
}

/** Called by Gradio when it has put values into some of a form's controls, or will have in a moment. */
export const readAgain = (name) => forms.get(name)?.ask();

/** Called by Gradio for the seed of which each picture has a new one. */
export function thrownSeed(name) {
  readAgain(name);
  return -1;
}

/** Called by Gradio for the seed that was used last. */
export function recycledSeed(name, seed) {
  readAgain(name);
  return lastSeed(seed);
}

/** Called by Gradio when a form was filled; from the first time on, changes are kept. */
export function filled(name, ...given) {
  const form = forms.get(name);
  if (!form) return;
  const early = form.restored ? {} : form.early;
  Object.assign(form, { restored: true, sent: 0 });
  changed(name, ...given);
  tellRestored(name);
  form.then?.();
  form.then = null;
  const asked = pending.get(name);
  pending.delete(name);
  const wanted = { ...lost(form, early), ...asked?.values };
  if (asked || Object.keys(wanted).length) give(name, wanted, Boolean(asked?.start));
}

/** What was typed before the kept values came, where they took its place. */
const lost = (form, early) => Object.fromEntries(Object.entries(early).filter(([name, value]) => form.values[name] !== value));

/** Remember what is typed into a form that has not got its kept values yet; those tell of themselves before `filled`. */
function noticeTyped(form) {
  for (const field of form.fields.filter(({ name }) => !NEVER_MARKED.has(name) || TEXTS.has(name))) {
    const value = form.values[field.name];
    if (value === form.kept[field.name]) continue;
    if (differs(value, field.default)) form.early[field.name] = value;
    else delete form.early[field.name];
  }
}

/** Bring values into a form's controls, by parameter name; others stay. */
export const fill = (name, given) => give(name, given, false);

/** Bring values into a form and start it. */
export const fillAndStart = (name, given) => give(name, given, true);

/** Gradio drops what is sent while it waits for an answer; one that never came is not waited for. */
const isBusy = (form) => Date.now() - form.sent < ANSWER_MS;

function give(name, given, start) {
  const form = forms.get(name);
  if (form?.restored && !isBusy(form)) {
    if (!start) form.sent = Date.now();
    form.send({ values: given }, start ? 'submit' : 'input');
  } else if (declared.has(name)) {
    const before = pending.get(name);
    pending.set(name, { values: { ...before?.values, ...given }, start: start || Boolean(before?.start) });
  }
}

/** Called by Gradio with all values of a form, in the order of its fields, when one changed. */
export function changed(name, ...given) {
  const form = forms.get(name);
  if (!form) return;
  form.values = Object.fromEntries(form.fields.map((field, i) => [field.name, valueOf(field, given[i])]));
  for (const field of form.fields) decorate(form, name, field);
  marked(form);
  suit(form);
  if (form.restored) keep(name, form.values);
  else noticeTyped(form);
  announce(name);
}

/** Gradio makes '' of a control of our own that was emptied. */
const valueOf = (field, given) => (given === '' && typeof field.default === 'object' ? null : given ?? null);

function announce(name) {
  document.dispatchEvent(new CustomEvent('easel:form', { detail: { tab: name, values: values(name) } }));
}

function read(name) {
  try { return JSON.parse(localStorage.getItem(keyOf(name)) ?? '{}'); } catch { return {}; }
}

function keep(name, given) {
  try { localStorage.setItem(keyOf(name), JSON.stringify(given)); } catch { /* private mode */ }
}

const NEVER_MARKED = new Set(['prompt', 'negative_prompt', 'model', 'image', 'mask', 'class_map', 'depth_map', 'boxes', 'controls', 'styles', 'class_label', 'regions', 'outpaint_left', 'outpaint_right', 'outpaint_top', 'outpaint_bottom', 'extensions', 'plot']);

const TEXTS = new Set(['prompt', 'negative_prompt']);

/** What a field has where nobody changed it: what the model suggests, else its own default. */
const usual = (form, field) => form.suits[field.name] ?? field.default;

const differs = (value, wanted) => (Array.isArray(value ?? wanted) ? (value ?? []).length > 0 : value !== wanted && (value ?? '') !== (wanted ?? ''));

/** Another model suggests other values. */
async function suit(form) {
  const id = form.values.model;
  if (id === form.suited) return;
  form.suited = id;
  const found = (await models()).find((model) => model.id === id);
  if (form.suited !== id) return;
  if (!found) form.suited = null; // asked again with the next change
  form.suits = found?.defaults ?? {};
  showFitting(form, found);
  marked(form);
}

/** Show the controls that the model has a use for, also those that come later; the values of others wait. */
function showFitting(form, model) {
  for (const field of form.fields.filter(({ beside }) => beside)) {
    const [property, wanted] = field.beside.split(':');
    field.hidden = wanted ? model?.[property] !== wanted : !model?.[property];
  }
  form.sheet ??= document.head.appendChild(make('style'));
  form.sheet.textContent = form.fields.filter(({ hidden }) => hidden).map(({ element }) => `#${element}, .form:has(> #${element}:only-child) { display: none !important; }`).join(' ');
}

/** Show which values are changed. */
function marked(form) {
  for (const field of form.fields) {
    const element = document.getElementById(field.element);
    element?.classList.toggle('ez-changed', differs(form.values[field.name], usual(form, field)) && !NEVER_MARKED.has(field.name));
    const reset = element?.querySelector(':scope > .ez-reset');
    if (reset) reset.title = `Back to ${usual(form, field) ?? 'automatic'}`;
  }
  summarise(form);
}

/** Put the changed values of each folded group behind its title. */
function summarise(form) {
  for (const fold of new Set(form.fields.map((field) => field.fold).filter(Boolean))) {
    const said = form.fields.filter((field) => field.fold === fold && !field.hidden && differs(form.values[field.name], usual(form, field)))
      .map((field) => inWords(field.title.toLowerCase(), form.values[field.name]));
    document.getElementById(fold)?.style.setProperty('--ez-said', JSON.stringify(said.length ? `: ${said.join(', ')}` : ''));
  }
}

/** A changed value behind a fold's title: a switch by its name, a list by how many it has, a plot by its axes. */
function inWords(title, value) {
  if (value === true) return title;
  if (Array.isArray(value)) return `${value.length}`;
  if (typeof value === 'object') return Object.values(value).map((axis) => axis?.axis).filter(Boolean).join(' × ').replaceAll('_', ' ');
  return `${title} ${value}`;
}

/** Give a control its sentence of help, and a dot that brings the default back; once it is there. */
function decorate(form, name, field) {
  const element = document.getElementById(field.element);
  if (!element || element.title) return; // Gradio loads its controls one by one
  element.title = field.help;
  if (NEVER_MARKED.has(field.name)) return;
  element.append(make('button', {
    type: 'button', className: 'ez-reset', 'aria-label': `Reset ${field.title}`,
    onclick: () => fill(name, { [field.name]: usual(form, field) }),
  }));
}
