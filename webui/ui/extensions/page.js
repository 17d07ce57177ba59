// The extensions tab: what is installed, what it does, whether it is in use, and what went wrong.

import { put } from '../api.js';
import { make, reconcile } from '../dom.js';
import { toast } from '../toast.js';
import { fieldControls } from './fields.js';
import { changes, installPart } from './installing.js';
import { extensions, follow, isLoaded, load } from './list.js';
import { addParts } from './parts.js';

const EVERY_MS = 5000;
const HOW_TO = [
  'Install one above, or put its folder into extensions/ of your data folder; it is listed here then, switched off.',
  'To write one, begin with: python launch.py extensions new NAME',
  'Its code runs with your rights: only use one whose author you trust.',
];

export function mount({ element }) {
  addParts(element.querySelector('.ez-extension-tabs'));
  const root = element.querySelector('.ez-extensions');
  const view = { list: make('div', { className: 'ez-extension-list' }), empty: empty(), install: installPart() };
  root.append(view.install.root, view.empty, view.list);
  follow(() => render(view));
  const isOpen = () => document.body.dataset.tab === 'extensions';
  document.addEventListener('easel:tab', () => { if (isOpen()) load(); });
  setInterval(() => { if (isOpen() && !document.hidden) load(); }, EVERY_MS); // failures happen in between
}

function empty() {
  return make('div', { className: 'ez-extension-empty', hidden: true },
    make('h2', { textContent: 'No extension is installed' }), ...HOW_TO.map((textContent) => make('p', { textContent })));
}

function render(view) {
  view.empty.hidden = !isLoaded() || extensions().length > 0;
  reconcile(view.list, extensions().map((one) => ({ key: one.name, one })), () => make('article', { className: 'ez-extension' }), (article, { one }) => {
    const stamp = JSON.stringify([one, view.install.refused]);
    if (article.dataset.stamp === stamp) return;
    article.dataset.stamp = stamp;
    article.replaceChildren(...card(article, one, view.install));
  });
}

function card(article, one, install) {
  return [
    make('header', {}, make('h2', { textContent: one.title }), make('span', { className: 'ez-extension-version', textContent: one.version }), state(one), onOff(article, one)),
    ...(one.summary ? [make('p', { textContent: one.summary })] : []),
    ...one.problems.map((textContent) => make('p', { className: 'ez-extension-fault', textContent })),
    facts(one), ...settings(one), ...failures(one.failures), ...changes(install, one),
  ];
}

function state({ enabled, in_use: inUse, problems, failures: failed }) {
  const [said, kind] = inUse && failed.length ? ['in use, not all went well', 'warn'] : inUse ? ['in use', 'good'] : problems.length ? ['cannot be used', 'bad'] : enabled ? ['in a moment', 'warn'] : ['off', 'off'];
  const pill = make('span', { className: 'ez-extension-state', textContent: said });
  pill.dataset.kind = kind;
  return pill;
}

function onOff(article, { name, title, enabled }) {
  const input = make('input', { type: 'checkbox', role: 'switch', checked: enabled, 'aria-label': `Use ${title}` });
  input.addEventListener('change', async () => {
    input.disabled = true;
    try { await put(`/extensions/${name}`, { enabled: input.checked }); } catch (error) { toast(error.message); }
    article.dataset.stamp = '';
    await load();
  });
  return input;
}

/** What it says that it does, and where it comes in. */
function facts({ permissions, hooks, forms, page, source }) {
  const places = [...page.tabs.map(({ title }) => `the tab ${title}`), ...page.panels.map(({ title }) => `the panel ${title}`), ...page.actions.map(({ title }) => `the button ${title}`)];
  const rows = [
    ['Permissions', Object.values(permissions).join('; ') || 'asks for none'],
    ['Shown', [forms.length ? `in ${forms.join(', ')}` : '', ...places].filter(Boolean).join('; ')],
    ['Comes in at', hooks.join(', ')],
    ['Installed from', source ?? ''],
  ].filter(([, said]) => said);
  return make('dl', {}, ...rows.flatMap(([name, said]) => [make('dt', { textContent: name }), make('dd', { textContent: said })]));
}

/** Settings are kept at once. */
function settings({ name, settings: declared }) {
  if (!declared?.fields.length) return [];
  let values = declared.values;
  const said = make('span', { className: 'ez-extension-hint', role: 'status' });
  const changed = async (field, value) => {
    try {
      values = (await put(`/extensions/${name}/settings`, { ...values, [field]: value })).values;
      said.textContent = 'Kept.';
      document.dispatchEvent(new CustomEvent('easel:settings', { detail: { extension: name, values } }));
    } catch (error) {
      said.textContent = error.message;
    }
  };
  return [make('div', { className: 'ez-extension-settings' }, make('h3', {}, 'Settings ', said), ...fieldControls(declared.fields, values, changed))];
}

const TAKES_LONG = { slow: 'Slow', late: 'Late' };

/** The latest failure's trace stands open, those before are folded; slow hooks are named. */
function failures(list) {
  const latest = list.findLast(({ kind }) => !(kind in TAKES_LONG));
  return [...list].reverse().map((failure) => {
    const { hook, process, message, trace, kind } = failure;
    const said = `${TAKES_LONG[kind] ?? 'Failed'} in ${hook} (${process}): ${message}`;
    if (!trace) return make('p', { className: 'ez-extension-fault', textContent: said });
    return make('details', { className: 'ez-extension-fault', open: failure === latest }, make('summary', { textContent: said }), make('pre', { textContent: trace }));
  });
}
