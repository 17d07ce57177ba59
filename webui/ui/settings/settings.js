// The settings tab: this browser's settings first, then the studio's, which hold for everybody, then how it was
// started. Each is saved at once; a field above finds them by their words.

import { get, put, remove } from '../api.js';
import { make } from '../dom.js';
import { THEMES, USUAL, forgetForms, mayNotify, own, setOwn } from '../own.js';
import { settingRow } from './controls.js';

export function mount({ element }, { tabs }) {
  const root = element.querySelector('.ez-settings');
  const search = make('input', { type: 'search', placeholder: 'Find a setting', 'aria-label': 'Find a setting' });
  const view = { root, tabs, search, found: null, rows: new Map(), list: make('div', { className: 'ez-setting-list' }), none: make('p', { className: 'ez-setting-none', hidden: true }) };
  root.append(make('div', { className: 'ez-setting-bar' }, make('h2', { textContent: 'Settings' }), search), view.none, view.list);
  search.addEventListener('input', () => filter(view));
  document.addEventListener('easel:own', () => BROWSER.forEach(({ name }) => view.rows.get(name)?.show({ value: own(name) })));
  document.addEventListener('easel:tab', ({ detail }) => { if (detail.tab === 'settings') load(view); });
  if (document.body.dataset.tab === 'settings') load(view);
}

async function load(view) {
  let found;
  try {
    found = await get('/settings');
  } catch (error) {
    view.found = null;
    view.list.replaceChildren(make('p', { className: 'ez-setting-refusal', role: 'alert', textContent: error.message }));
    return;
  }
  const isOther = frameOf(found) !== frameOf(view.found);
  view.found = found;
  if (isOther) build(view); else refresh(view);
}

/** All but the values: while it stays the same the rows stay, and with them what is being typed there. */
const frameOf = (found) => found && JSON.stringify([found.refusal, found.facts, found.settings.map(({ name }) => name)]);

/** Bring the values that are there now into the rows. */
function refresh(view) {
  for (const setting of view.found.settings) view.rows.get(setting.name)?.show(setting);
  filter(view);
}

function build(view) {
  const sections = [...new Set(view.found.settings.map(({ section }) => section))];
  view.list.replaceChildren(browserSection(view),
    ...(view.found.refusal ? [make('p', { className: 'ez-setting-refusal', textContent: view.found.refusal })] : []),
    ...sections.map((section) => studioSection(view, section)),
    ...(view.found.facts.length ? [facts(view.found.facts)] : []));
  filter(view);
}

/** A row of the view, found again by its setting's name. */
function rowOf(view, setting, acts) {
  const row = settingRow(setting, acts);
  view.rows.set(setting.name, row);
  return row;
}

function section(name, where, ...rows) {
  const made = make('section', { className: 'ez-setting-section', 'aria-label': name }, make('header', {}, make('h3', { textContent: name }), make('span', { textContent: where })), ...rows);
  made.dataset.section = name;
  return made;
}

const BROWSER = [
  { name: 'theme', title: 'Theme', help: 'Light, dark, or as the system says.', kind: 'choice', choices: THEMES },
  { name: 'start_tab', title: 'First tab', help: 'The tab that the page begins with where its address names none.', kind: 'choice' },
  { name: 'notify', title: 'Notifications', help: 'Tell outside of the page when pictures are done while nobody looks at it.', kind: 'bool' },
];

function browserSection(view) {
  const rows = BROWSER.map((one) => rowOf(view, { choices: view.tabs, ...one, value: own(one.name), default: USUAL[one.name], applies: '', zero: '' }, { set: (value) => setBrowser(one.name, value), reset: () => setBrowser(one.name, USUAL[one.name]) }));
  const forget = make('div', { className: 'ez-setting' },
    make('div', { className: 'ez-setting-words' }, make('strong', { textContent: 'Forms' }), make('p', { textContent: 'Each form keeps what you typed and set, in this browser.' })),
    make('div', { className: 'ez-setting-control' }, make('button', { type: 'button', className: 'ez-setting-act', textContent: 'Begin them anew', onclick: forgetForms })));
  return section('Interface', 'in this browser', ...rows, forget);
}

async function setBrowser(name, value) {
  if (name === 'notify' && value && !(await mayNotify())) {
    document.dispatchEvent(new CustomEvent('easel:own')); // the switch goes back
    return 'The browser does not let this page notify. Allow it in the settings of the page, beside its address.';
  }
  setOwn(name, value);
  return '';
}

function studioSection(view, name) {
  const rows = view.found.settings.filter((one) => one.section === name).map((one) => rowOf(view, one, {
    disabled: !!view.found.refusal,
    set: (value) => tried(view, () => put(`/settings/${one.name}`, { value })),
    reset: () => tried(view, () => remove(`/settings/${one.name}`)),
  }));
  if (name === 'Pictures') rows[0].querySelector('p').append(' ', places());
  return section(name, 'for everybody', ...rows);
}

async function tried(view, act) {
  let fault = '';
  try { view.found = await act(); } catch (error) { fault = error.message; }
  if (!fault) {
    const values = Object.fromEntries(view.found.settings.map((one) => [one.name, one.value]));
    document.dispatchEvent(new CustomEvent('easel:settings', { detail: { extension: null, values } }));
    setTimeout(() => refresh(view)); // when the row has said so
  }
  return fault;
}

const PLACES = '[date] [time] [datetime] [seed] [id] [source] [prompt] [prompt_words] [model_name] [sampler] [scheduler] [steps] [cfg] [denoising] [width] [height] [batch_number] [task]';
const places = () => make('span', { className: 'ez-setting-places', textContent: PLACES });

function facts(all) {
  return section('This start', 'set by flags',
    make('dl', { className: 'ez-setting-facts' }, ...all.map(({ title, value }) => make('div', {}, make('dt', { textContent: title }), make('dd', { textContent: value })))));
}

/** Leave in sight what has all the words that are searched for. */
function filter(view) {
  const words = view.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let seen = 0;
  for (const part of view.list.querySelectorAll('.ez-setting-section')) {
    const rows = [...part.querySelectorAll('.ez-setting, .ez-setting-facts > div')];
    for (const row of rows) {
      const text = `${part.dataset.section} ${row.textContent}`.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    part.hidden = rows.every((row) => row.hidden);
    seen += rows.filter((row) => !row.hidden).length;
  }
  view.none.hidden = seen > 0 || !view.list.childElementCount;
  view.none.textContent = `No setting has “${view.search.value.trim()}” in its words.`;
}
