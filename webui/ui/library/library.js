// The library: search, filters, a virtual grid of cards, details of one, installing more.

import { address, get } from '../api.js';
import { iconButton, make } from '../dom.js';
import { currentTab, values } from '../form.js';
import { columnsOf, Wall } from '../wall.js';
import { openDetails } from './details.js';
import { openFolders } from './folders.js';
import { installPanel } from './install.js';
import { fits, inMegabytes, kindName } from './items.js';
import { makingPanel } from './makings.js';

const TEXT_HEIGHT = 80; // below a card's square picture, in pixels
const ORDER = { title: (a, b) => a.title.localeCompare(b.title), size: (a, b) => b.bytes - a.bytes, kind: (a, b) => a.kind.localeCompare(b.kind) || a.title.localeCompare(b.title) };

export function mount({ element }, options) {
  const root = element.querySelector('.ez-library');
  const view = { root, options, items: [], problems: [], base: null };
  view.search = make('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search models', oninput: () => show(view, true) });
  view.kind = select('Kind', () => show(view, true));
  view.family = select('Family', () => show(view, true));
  view.sort = select('Sort by', () => show(view, true), [['title', 'By name'], ['kind', 'By kind'], ['size', 'By size']]);
  view.only = make('input', { type: 'checkbox', onchange: () => show(view, true) });
  view.onlyName = make('span', { textContent: 'Only what fits' });
  view.count = make('span', { className: 'ez-library-count', role: 'status' });
  view.wall = new Wall((item) => card(view, item), (made, item) => update(view, made, item), { shape: columnsOf(168, 2), beneath: TEXT_HEIGHT, keyOf: ({ key }) => key });
  view.wall.element.setAttribute('role', 'list');
  view.grid = make('div', { className: 'ez-library-grid', tabIndex: 0, 'aria-label': 'Installed models' }, view.wall.element);
  view.faults = make('details', { className: 'ez-library-problems', hidden: true });
  view.install = installPanel(options.kinds);
  view.makings = makingPanel(() => view.items);
  root.append(
    make('div', { className: 'ez-library-bar' }, view.search, view.kind, view.family, view.sort,
      make('label', { className: 'ez-library-only' }, view.only, view.onlyName), view.count,
      make('div', { className: 'ez-library-buttons' }, iconButton('download', 'Install', () => view.install.open()), iconButton('merge', 'Merge or convert', () => view.makings.open()), iconButton('folder', 'Folders', () => openFolders(() => load(view))))),
    view.install.progress, view.makings.progress, view.grid, view.faults);
  root.library = view; // for tests
  document.addEventListener('easel:tab', (event) => { if (event.detail.tab === 'models') load(view); });
  for (const name of ['easel:library', 'easel:again']) document.addEventListener(name, () => { if (document.body.dataset.tab === 'models') load(view); });
  document.addEventListener('easel:form', () => chooseBase(view));
  if (document.body.dataset.tab === 'models') load(view);
}

function select(title, onchange, choices = []) {
  return make('select', { 'aria-label': title, onchange }, ...choices.map(([value, text]) => make('option', { value, textContent: text })));
}

async function load(view) {
  try {
    const { items, problems } = await get('/library');
    take(view, items, problems);
  } catch (error) {
    view.count.textContent = error.message;
  }
}

/** Show other items; the filters stay where they still mean something. */
export function take(view, items, problems) {
  view.items = items.map((item) => ({ ...item, sought: [item.title, item.id, item.family, ...item.triggers].join(' ').toLowerCase() }));
  offer(view.kind, 'Every kind', items.map((item) => item.kind), kindName);
  offer(view.family, 'Every family', items.map((item) => item.family).filter(Boolean), (name) => name);
  view.faults.hidden = !problems.length;
  view.faults.replaceChildren(
    make('summary', { textContent: `${problems.length} ${problems.length === 1 ? 'file' : 'files'} cannot be used` }),
    make('ul', {}, ...problems.slice(0, 200).map(({ path, reason }) => make('li', {}, make('b', { textContent: path }), ` ${reason}`))));
  chooseBase(view);
  show(view);
}

function offer(box, all, found, name) {
  const names = [...new Set(found)].sort();
  const kept = names.includes(box.value) ? box.value : '';
  box.replaceChildren(make('option', { value: '', textContent: all }), ...names.map((value) => make('option', { value, textContent: name(value) })));
  box.value = kept;
}

/** The model of the form in use: what fits it is told by the width of its text tokens. */
function chooseBase(view) {
  const id = values(currentTab()).model;
  const models = view.items.filter((item) => item.kind === 'model');
  const base = models.find((item) => item.id === id) ?? models.find((item) => item.task === 'text') ?? null;
  if (base?.key === view.base?.key) return;
  view.base = base;
  view.onlyName.textContent = base ? `Only what fits ${base.title}` : 'Only what fits';
  show(view);
}

function show(view, fromTop = false) {
  const words = view.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = view.items.filter((item) =>
    (!view.kind.value || item.kind === view.kind.value) && (!view.family.value || item.family === view.family.value)
    && (!view.only.checked || fits(item, view.base)) && words.every((word) => item.sought.includes(word)));
  shown.sort(ORDER[view.sort.value]);
  view.count.textContent = shown.length === view.items.length ? `${shown.length}` : `${shown.length} of ${view.items.length}`;
  if (fromTop) view.grid.scrollTop = 0;
  view.wall.show(shown);
}

function card(view, item) {
  const made = make('button', { type: 'button', role: 'listitem', className: 'ez-library-card' },
    make('span', { className: 'ez-library-picture' }), make('span', { className: 'ez-library-title' }), make('span', { className: 'ez-library-facts' }));
  made.addEventListener('click', () => openDetails(view.items.find(({ key }) => key === item.key) ?? item, { ...view.options, makeOf: view.makings.open }, () => load(view)));
  return made;
}

function update(view, made, item) {
  const [picture, title, facts] = made.children;
  const wanted = item.has_preview ? address(`/library/preview?key=${encodeURIComponent(item.key)}`) : '';
  if (picture.dataset.src !== wanted) {
    picture.dataset.src = wanted;
    picture.replaceChildren(wanted ? make('img', { src: wanted, alt: '', loading: 'lazy', decoding: 'async' }) : make('span', { textContent: item.title.slice(0, 1).toUpperCase() }));
  }
  title.textContent = item.title;
  facts.textContent = [kindName(item.kind), item.family, inMegabytes(item.bytes)].filter(Boolean).join(' · ');
  made.title = item.description || item.id;
  made.classList.toggle('ez-library-other', !fits(item, view.base));
}
