// Installing in the extensions tab: a source, what it would change, and a yes. Only where nobody else reaches the studio.

import { get, post, remove as del } from '../api.js';
import { make, reconcile } from '../dom.js';
import { toast } from '../toast.js';
import { load } from './list.js';

const WHERE = 'A git address, a folder or .zip of this computer, or a Python package';
const SHOWN = 12;

/** The form and the changes that wait, for the head of the tab. */
export function installPart() {
  const source = make('input', { type: 'text', placeholder: WHERE, 'aria-label': 'Install from', autocomplete: 'off', spellcheck: false });
  const look = make('button', { type: 'submit', className: 'ez-button', textContent: 'Look' });
  const said = make('p', { className: 'ez-extension-said-back', role: 'status' });
  const form = make('form', { className: 'ez-extension-source', hidden: true }, source, look);
  const waiting = make('div', { className: 'ez-extension-list' });
  const part = { refused: true, root: make('section', { className: 'ez-extension-installing', 'aria-label': 'Install' }, form, said, waiting), waiting, said, source };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (source.value.trim()) propose(part, { source: source.value }, look).then((is) => { if (is) source.value = ''; });
  });
  get('/extension-changes').then(({ refusal, waiting: all }) => {
    form.hidden = Boolean(refusal);
    said.textContent = refusal ?? '';
    part.refused = Boolean(refusal);
    show(part, all);
    document.dispatchEvent(new CustomEvent('easel:extension-list')); // the cards have buttons now
  }).catch(() => {});
  return part;
}

/** Buttons of an installed extension's card. */
export function changes(part, { name, title, source, removable, earlier }) {
  if (part.refused || !removable) return [];
  const button = (textContent, help, run) => {
    const made = make('button', { type: 'button', className: 'ez-button', textContent, title: help });
    made.addEventListener('click', () => run(made));
    return made;
  };
  return [make('div', { className: 'ez-extension-acts' },
    ...(source ? [button('Look for an update', `Fetch it again from ${source}`, (made) => propose(part, { update: name }, made))] : []),
    ...(earlier ? [button('Set back', 'See the edition that was here before', (made) => propose(part, { back: name }, made))] : []),
    button('Remove', 'Switch it off and move it to the bin', (made) => take(part, name, title, made)))];
}

async function propose(part, asked, button) {
  button.disabled = true;
  part.said.textContent = 'Fetching. None of its code runs.';
  try {
    const change = await post('/extension-changes', asked);
    if (asked.update && change.changes_nothing) {
      part.said.textContent = `${change.title} ${change.version} is what ${change.source} has.`;
      await del(`/extension-changes/${change.id}`);
      return true;
    }
    part.said.textContent = '';
    show(part, [...shown(part).filter(({ name }) => name !== change.name), change]);
    part.root.scrollIntoView({ block: 'nearest' });
    return true;
  } catch (error) {
    part.said.textContent = error.message;
    return false;
  } finally {
    button.disabled = false;
  }
}

const shown = (part) => [...part.waiting.children].map((card) => card.change);

function show(part, all) {
  const drop = (id) => show(part, shown(part).filter((other) => other.id !== id));
  reconcile(part.waiting, all.map((change) => ({ key: change.id, change })), ({ change }) => card(change, () => drop(change.id)));
}

function card(change, gone) {
  const { id, title, name, version, version_before: before, summary, files, edited } = change;
  const act = async (button, run, done) => {
    button.disabled = true;
    try { await run(); gone(); toast(done); } catch (error) { toast(error.message); button.disabled = false; }
    await load();
  };
  const verb = change.goes_back ? 'Set back' : before ? 'Update' : 'Install';
  const yes = make('button', { type: 'button', className: 'ez-button ez-extension-yes', textContent: verb });
  yes.addEventListener('click', () => act(yes, () => post(`/extension-changes/${id}`), before ? `${title} is ${version} now.` : `${title} is installed, and off.`));
  const no = make('button', { type: 'button', className: 'ez-button', textContent: 'Drop' });
  no.addEventListener('click', () => act(no, () => del(`/extension-changes/${id}`), 'Nothing was changed.'));
  const made = make('article', { className: 'ez-extension ez-extension-change', 'aria-label': `${verb} ${title}` },
    make('header', {}, make('h2', { textContent: title }), make('span', { className: 'ez-extension-version', textContent: before ? `${before} → ${version}` : version })),
    ...(summary ? [make('p', { textContent: summary })] : []),
    make('dl', {}, ...facts(change).flatMap(([term, said]) => [make('dt', { textContent: term }), make('dd', {}, said)])),
    ...[['added', 'Adds'], ['changed', 'Changes'], ['removed', 'Drops']].flatMap(([kind, word]) => listed(word, files[kind])),
    ...(edited ? [make('p', { className: 'ez-extension-fault', textContent: `The files of ${name} were edited here since; they go to the bin with the rest.` })] : []),
    make('p', { textContent: 'Its code runs with your rights: only go on if you trust its author.' }),
    make('div', { className: 'ez-extension-acts' }, yes, no));
  made.change = change;
  return made;
}

function facts(change) {
  const { source, source_before: had, revision, processes, packages, version_before: before } = change;
  return [
    ['From', source || 'the bin'],
    ['Until now', before && had && had !== source ? had : ''],
    ['As', revision.replace(/^(sha256:)?([0-9a-f]{12})[0-9a-f]+$/, '$1$2…')],
    ['Runs in', processes.join(' and ')],
    ['Comes in at', compared(change.hooks, before ? change.hooks_before : change.hooks)],
    ['Permissions', permissions(change)],
    ['Brings', packages.join(', ')],
  ].filter(([, said]) => said);
}

/** Names now, the new ones marked, and those that are no more. */
function compared(now, then) {
  const parts = [...now.map((name) => (then.includes(name) ? name : mark(`${name} (new)`))), ...then.filter((name) => !now.includes(name)).map((name) => `no longer ${name}`)];
  return joined(parts, ', ');
}

function permissions({ permissions: asked, permissions_added: added, permissions_removed: gone, version_before: before }) {
  const parts = Object.entries(asked).map(([name, said]) => (before && added.includes(name) ? mark(`${said} (new)`) : said));
  return joined([...parts, ...gone.map((name) => `no longer ${name}`)], '; ') ?? 'asks for none';
}

const mark = (textContent) => make('strong', { textContent });

function joined(parts, between) {
  if (!parts.length) return null;
  const span = make('span');
  span.append(...parts.flatMap((part, i) => (i ? [between, part] : [part])));
  return span;
}

function listed(word, names) {
  if (!names.length) return [];
  const count = `${word} ${names.length} ${names.length === 1 ? 'file' : 'files'}`;
  return [make('details', { className: 'ez-extension-files', open: names.length <= SHOWN }, make('summary', { textContent: count }), make('p', { textContent: names.join(', ') }))];
}

async function take(part, name, title, button) {
  button.disabled = true;
  try {
    await del(`/extensions/${name}`);
    toast(`${title} is removed.`, { title: 'Take it back', run: () => propose(part, { back: name }, button) });
  } catch (error) {
    toast(error.message);
    button.disabled = false;
  }
  await load();
}
