// Installing: a source, what it has, and how far each download is.

import { get, post, remove } from '../api.js';
import { duration, icon, make } from '../dom.js';
import { inMegabytes, kindName } from './items.js';
import { progressList } from './progress.js';

export function installPanel(kinds) {
  const list = progressList('Downloads', told);
  const downloads = new Map();
  const draw = () => list.show([...downloads.values()]);
  const put = (one) => { downloads.set(one.id, one); draw(); };
  document.addEventListener('easel:download', (event) => put(event.detail));
  document.addEventListener('easel:download-gone', (event) => { downloads.delete(event.detail.id); draw(); });
  const ask = () => get('/downloads').then((all) => { downloads.clear(); all.forEach((one) => downloads.set(one.id, one)); draw(); }).catch(() => {});
  document.addEventListener('easel:again', ask);
  ask();
  return { progress: list.element, open: () => openDialog(kinds, put) };
}

function told(one) {
  const total = one.bytes_total ? ` of ${inMegabytes(one.bytes_total)}` : '';
  const speed = one.bytes_per_second ? `${inMegabytes(one.bytes_per_second)}/s` : '';
  const left = one.seconds_left ? `${duration(one.seconds_left)} left` : '';
  return {
    title: one.title, label: `Download of ${one.title}`, state: one.state,
    share: one.bytes_total ? one.bytes_done / one.bytes_total : null,
    facts: one.state === 'done' ? `Installed as ${one.target}` : one.error ?? [one.state === 'running' ? '' : one.state, inMegabytes(one.bytes_done) + total, speed, left].filter(Boolean).join(', '),
    acts: [
      ...(['waiting', 'running'].includes(one.state) ? [['close', 'Pause', () => post(`/downloads/${one.id}/pause`)]] : []),
      ...(['paused', 'failed'].includes(one.state) ? [['retry', 'Go on', () => post(`/downloads/${one.id}/resume`)]] : []),
      ['trash', one.state === 'done' ? 'Take off the list' : 'Drop', () => remove(`/downloads/${one.id}`)],
    ],
  };
}

function openDialog(kinds, put) {
  const source = make('input', { type: 'text', placeholder: 'owner/name, or an address', 'aria-label': 'Source', autocomplete: 'off', spellcheck: false });
  const found = make('div', { className: 'ez-library-offer' });
  const said = make('p', { className: 'ez-library-said', role: 'status' });
  const dialog = make('dialog', { className: 'ez-library-install', 'aria-label': 'Install a model' },
    make('form', { onsubmit: (event) => { event.preventDefault(); look(); } },
      make('h2', { textContent: 'Install a model' }),
      make('p', { textContent: 'From the Hugging Face hub, Civitai, or any https:// address of a file.' }),
      make('div', { className: 'ez-library-source' }, source, make('button', { type: 'submit', textContent: 'Look' }))),
    said, found,
    make('button', { type: 'button', className: 'ez-icon ez-look-close', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')));
  const look = async () => {
    said.textContent = 'Looking...';
    found.replaceChildren();
    try {
      const offer = await post('/downloads/look', { source: source.value });
      said.textContent = '';
      found.replaceChildren(...offered(offer, kinds, said, (one) => { put(one); dialog.close(); }));
    } catch (error) { said.textContent = error.message; }
  };
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** What a source has, and the choice among it. */
function offered(offer, kinds, said, ordered) {
  const files = offer.files.map((file) => ({ file, box: make('input', { type: 'checkbox', checked: file.is_chosen }) }));
  const kind = make('select', { 'aria-label': 'Kind' }, ...kinds.map((name) => make('option', { value: name, textContent: kindName(name) })));
  kind.value = offer.kind;
  const name = make('input', { type: 'text', value: offer.name, 'aria-label': 'Name' });
  const order = async () => {
    try {
      ordered(await post('/downloads', { source: offer.source, kind: kind.value, name: name.value, files: files.filter(({ box }) => box.checked).map(({ file }) => file.path) }));
    } catch (error) { said.textContent = error.message; }
  };
  return [
    make('h3', { textContent: [offer.title, offer.base].filter(Boolean).join(' · ') }),
    make('div', { className: 'ez-library-files' }, ...files.map(({ file, box }) => make('label', {}, box, make('span', { textContent: file.path }), make('small', { textContent: file.bytes ? inMegabytes(file.bytes) : '' })))),
    make('div', { className: 'ez-library-source' }, kind, name, make('button', { type: 'button', className: 'ez-library-save', textContent: 'Install', onclick: order })),
  ];
}
