// A form's part that extensions have: for each one that takes part in pictures a folded group, which
// says whether it does and with what arguments, and the panels that they bring.
//
// The form's value has the arguments of those that are used, by name. What is set while one is not used
// waits in the browser.

import { make } from '../dom.js';
import { fill, values } from '../form.js';
import { fieldControls } from './fields.js';
import { extensions, follow, isLoaded } from './list.js';
import { showPanels } from './panels.js';

const OFFERING = ['samplers', 'schedules', 'upscalers', 'palettes', 'families'];
const keyOf = (tab) => `easel.extensions.${tab}`;

export function mount({ element, props, trigger, watch }, { tab }) {
  const root = element.querySelector('.ez-extension-forms');
  const view = { tab, root, groups: make('div', { className: 'ez-extension-groups' }), panels: make('div', { className: 'ez-extension-groups' }), drafts: read(tab), open: new Set(), shown: '' };
  root.append(view.groups, view.panels);
  view.value = () => props.value || {};
  view.send = (value) => {
    props.value = Object.keys(value).length ? value : null;
    trigger('change');
  };
  watch('value', () => render(view));
  follow(() => { render(view); showPanels(view); view.offers ||= offer(); });
  document.addEventListener('easel:offers', () => refreshMenus(view));
}

/** Extensions that the form offers, then names that it was filled with and that are not in use. */
function entries(view) {
  const offered = extensions().filter((one) => one.forms.includes(view.tab));
  const missing = Object.keys(view.value()).filter((name) => !extensions().some((one) => one.name === name && one.in_use));
  return { offered, missing };
}

function render(view) {
  if (!isLoaded()) return;
  const { offered, missing } = entries(view);
  const shown = JSON.stringify([offered.map(({ name, title, fields }) => [name, title, fields]), missing, view.value()]);
  if (shown === view.shown) return;
  view.shown = shown;
  view.groups.replaceChildren(...missing.map((name) => gone(view, name)), ...offered.map((one) => group(view, one)));
}

function gone(view, name) {
  const leave = make('button', { type: 'button', className: 'ez-controls-add', textContent: 'Leave it out', onclick: () => use(view, name, null) });
  return make('p', { className: 'ez-extension-gone', role: 'alert' }, `The extension ${name} takes part in these parameters and is not in use. `, leave);
}

function group(view, extension) {
  const { name, title, summary, fields } = extension;
  const used = view.value()[name];
  const given = { ...view.drafts[name], ...used };
  const said = make('span', { className: 'ez-extension-said' });
  const held = make('fieldset', { disabled: !used }, ...fieldControls(fields, given, (field, value) => set(view, extension, field, value)));
  const wanted = make('input', { type: 'checkbox', role: 'switch', checked: !!used, onchange: () => use(view, name, wanted.checked ? complete(fields, given) : null) });
  said.textContent = used ? inWords(fields, given) : '';
  const details = make('details', { className: 'ez-extension-group', open: view.open.has(name), ontoggle: () => view.open[details.open ? 'add' : 'delete'](name) },
    make('summary', {}, title, said),
    make('label', { className: 'ez-extension-flag' }, wanted, make('span', { textContent: 'Use it' })),
    ...(summary ? [make('p', { className: 'ez-extension-hint', textContent: summary })] : []),
    ...(fields.length ? [held] : []));
  details.dataset.extension = name;
  return details;
}

const complete = (fields, given) => Object.fromEntries(fields.map((field) => [field.name, given[field.name] ?? field.default]));

/** Behind the folded title: that it is used, and what is not as usual. */
function inWords(fields, given) {
  const changed = fields.filter((field) => (given[field.name] ?? field.default) !== field.default)
    .map((field) => `${field.title.toLowerCase()} ${given[field.name]}`);
  return `: ${['used', ...changed].join(', ')}`;
}

/** Name an extension in the form's pictures, or no longer; its arguments wait. */
function use(view, name, given) {
  const { [name]: before, ...others } = view.value();
  if (before) draft(view, name, before);
  view.send(given ? { ...others, [name]: given } : others);
  render(view);
}

function set(view, { name, fields }, field, value) {
  const used = view.value()[name];
  draft(view, name, { ...view.drafts[name], ...used, [field]: value });
  if (!used) return;
  const next = { ...view.value(), [name]: { ...complete(fields, used), [field]: value } };
  view.shown = JSON.stringify([...JSON.parse(view.shown).slice(0, 2), next]); // it shows already, and is in somebody's hand
  view.send(next);
  const said = view.groups.querySelector(`[data-extension="${name}"] .ez-extension-said`);
  if (said) said.textContent = inWords(fields, next[name]);
}

function draft(view, name, given) {
  view.drafts = { ...view.drafts, [name]: given };
  try { localStorage.setItem(keyOf(view.tab), JSON.stringify(view.drafts)); } catch { /* private mode */ }
}

function read(tab) {
  try { return JSON.parse(localStorage.getItem(keyOf(tab))) ?? {}; } catch { return {}; }
}

/** Whether any extension offers what menus have. */
const offer = () => extensions().some((one) => one.in_use && one.hooks.some((hook) => OFFERING.includes(hook)));

/** Samplers, upscalers, palettes or families of extensions came or went: the form's menus are read anew. */
function refreshMenus(view) {
  const before = view.offers;
  view.offers = offer();
  if (!before && !view.offers) return;
  const chosen = Object.entries(values(view.tab)).filter(([, value]) => typeof value === 'string' && /^[a-z][a-z0-9_]*\//.test(value));
  fill(view.tab, Object.fromEntries(chosen.filter(([name]) => /sampler|schedule|upscaler|palette/.test(name))));
}
