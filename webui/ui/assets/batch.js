// Many images for one form: a list that is dropped or chosen, or a folder of the machine. Each is taken up at
// once, so that what cannot be read is said before anything is drawn.

import { address, post, remove } from './api.js';
import { followers } from './controls.js';
import { icon, make } from './dom.js';
import { toast } from './toast.js';

const UPLOADS = 3; // at a time
const panels = new Map();

export function mount({ element, props, trigger }, options) {
  const panel = { ...build(element.querySelector('.ez-batch'), options), ...options, entries: [], last: null };
  panels.set(options.tab, panel);
  panel.send = () => { props.value = order(panel); trigger('submit'); };
  panel.input.addEventListener('change', () => { add(panel, [...panel.input.files]); panel.input.value = ''; });
  panel.folder.addEventListener('input', () => render(panel));
  panel.go.addEventListener('click', panel.send);
  panel.stop.addEventListener('click', () => remove(`/batches/${panel.last}`).catch((error) => toast(error.message)));
  panel.clear.addEventListener('click', () => { panel.entries = []; panel.refused.replaceChildren(); render(panel); });
  listenForDrops(panel);
  document.addEventListener('easel:answered', ({ detail }) => { if (detail.tab === options.tab && detail.batch) answered(panel, detail); });
  render(panel);
}

/** Take several files that were dropped elsewhere in the tab; false where they are not a batch. */
export function offerBatch(tab, files) {
  const panel = panels.get(tab);
  if (!panel || files.length < 2) return false;
  document.querySelector(`#${tab}-fold-batch > button:not(.open)`)?.click();
  add(panel, files);
  return true;
}

function build(root, { tab, take, masks }) {
  const field = (label) => make('input', { type: 'text', 'aria-label': label, spellcheck: false });
  const button = (className, textContent) => make('button', { type: 'button', className, textContent });
  const parts = {
    root, input: make('input', { type: 'file', accept: 'image/*', multiple: true, 'aria-label': 'Choose pictures' }),
    list: make('ul', { className: 'ez-batch-list', 'aria-label': 'Pictures of the batch' }),
    refused: make('ul', { className: 'ez-batch-list', role: 'alert' }),
    folder: field('Folder in inputs'), maskFolder: field('Folder of masks'),
    go: button('ez-button', ''), stop: button('ez-button', 'Cancel all'), clear: button('ez-button', 'Empty the list'),
  };
  parts.boxes = Object.entries(take).map(([name, title]) => ({ name, box: make('input', { type: 'checkbox' }), title }));
  const labelled = (title, input) => make('label', { className: 'ez-batch-field' }, title, input);
  const folders = make('div', { className: 'ez-batch-folders' }, labelled('Or a folder in “inputs” of the data folder', parts.folder));
  if (masks) folders.append(labelled('Its masks, in a folder of the same names', parts.maskFolder));
  const taken = make('fieldset', {}, make('legend', { textContent: 'Take from each picture, where it says how it was made' }),
    ...parts.boxes.map(({ box, title }) => make('label', {}, box, title)));
  parts.go.id = `${tab}-batch-go`;
  root.append(make('label', { className: 'ez-batch-drop' }, make('span', { textContent: 'Drop or choose many pictures' }), parts.input),
    parts.list, folders, taken, make('div', { className: 'ez-batch-go' }, parts.go, parts.stop, parts.clear), parts.refused);
  return parts;
}

function listenForDrops(panel) {
  const over = (on) => (event) => { event.preventDefault(); panel.root.classList.toggle('ez-over', on); };
  panel.root.addEventListener('dragover', over(true));
  panel.root.addEventListener('dragleave', over(false));
  panel.root.addEventListener('drop', (event) => { over(false)(event); add(panel, [...event.dataTransfer.files]); });
}

async function add(panel, files) {
  const room = panel.most - panel.entries.length;
  if (files.length > room) toast(`A batch has at most ${panel.most} pictures; ${files.length - room} were left out.`);
  const fresh = files.slice(0, room).map((file) => ({ file, name: file.name, image: null, own: {}, reason: '' }));
  panel.entries.push(...fresh);
  render(panel);
  const waiting = [...fresh];
  const take = async () => { for (let entry; (entry = waiting.shift());) { await upload(entry); render(panel); } };
  await Promise.all(Array.from({ length: UPLOADS }, take));
}

async function upload(entry) {
  const body = new FormData();
  body.append('file', entry.file);
  try {
    entry.image = (await post('/images', body)).id;
    if (await tells(entry.file)) entry.own = await madeHow(entry.file);
  } catch (error) {
    entry.reason = error.message;
  }
  entry.file = null;
}

/** Whether something in a file may say how it was made; most say nothing, and need not be asked about. */
async function tells(file) {
  return /parameters\0|easel\0|UNICODE\0|ASCII\0\0\0/.test(new TextDecoder('latin1').decode(await file.arrayBuffer()));
}

async function madeHow(file) {
  const bytes = file.slice(0, file.size, 'application/octet-stream');
  try { return (await post('/parameters/reading', bytes)).fields; } catch { return {}; } // it says nothing of use
}

const usable = (panel) => panel.entries.filter((entry) => entry.image);

/** What the studio is told: images, or a folder; and of each image what was asked to be taken. */
function order(panel) {
  const take = panel.boxes.filter(({ box }) => box.checked).map(({ name }) => name);
  const common = { following: followers(panel.tab), stamp: Date.now() };
  if (!panel.entries.length) return { folder: panel.folder.value.trim(), masks: panel.maskFolder.value.trim(), take, ...common };
  const own = (fields) => Object.fromEntries(take.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
  return { images: usable(panel).map(({ image, name, own: fields }) => ({ image, name: name.slice(-200), own: own(fields) })), ...common };
}

function answered(panel, { batch, refused }) {
  panel.last = batch;
  panel.refused.replaceChildren(...refused.map(({ name, reason }) => make('li', {}, make('span', { className: 'ez-bad', textContent: `${name}: ${reason}` }))));
  render(panel);
}

function render(panel) {
  panel.list.replaceChildren(...panel.entries.map((entry) => row(panel, entry)));
  const count = usable(panel).length;
  panel.folder.disabled = panel.maskFolder.disabled = panel.entries.length > 0;
  panel.go.textContent = panel.entries.length ? `Generate all ${count}` : 'Generate the folder';
  panel.go.disabled = panel.entries.length ? !count || panel.entries.some((entry) => entry.file) : !panel.folder.value.trim();
  panel.stop.hidden = !panel.last;
  panel.clear.hidden = !panel.entries.length;
}

function row(panel, entry) {
  const drop = () => { panel.entries = panel.entries.filter((other) => other !== entry); render(panel); };
  const shown = entry.image ? [make('img', { src: address(`/images/${entry.image}`), alt: '', loading: 'lazy' })] : [];
  const said = entry.reason ? `${entry.name}: ${entry.reason}` : entry.name;
  return make('li', {}, ...shown, make('span', { className: entry.reason ? 'ez-bad' : '', textContent: said }),
    make('button', { type: 'button', className: 'ez-icon', 'aria-label': `Leave out ${entry.name}`, onclick: drop }, icon('close')));
}
