// One model or adapter: what is known of it, what is noted, and what can be done with it.

import { address, get, post, put, remove } from '../api.js';
import { icon, iconButton, make } from '../dom.js';
import { currentTab, fill, values } from '../form.js';
import * as store from '../store.js';
import { openTab } from '../tabs.js';
import { toast } from '../toast.js';
import { asWords, inMegabytes, kindName } from './items.js';

export async function openDetails(item, { samplers, schedules, makeOf }, changed) {
  const key = encodeURIComponent(item.key);
  const { notes, beside, facts } = await get(`/library/notes?key=${key}`).catch((error) => { toast(error.message); return {}; });
  if (!notes) return;
  const fields = noteFields(item, notes, beside, samplers, schedules);
  const act = (run) => async () => {
    try { await run(); changed(); } catch (error) { toast(error.message); }
  };
  const save = act(async () => { await put(`/library/notes?key=${key}`, read(fields)); dialog.close(); });
  const dialog = make('dialog', { className: `ez-look ez-library-look${item.has_preview ? '' : ' ez-library-plain'}`, 'aria-label': item.title },
    make('button', { type: 'button', className: 'ez-icon ez-look-close', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')),
    item.has_preview ? make('div', { className: 'ez-look-picture' }, make('img', { src: address(`/library/preview?key=${key}`), alt: '' })) : '',
    make('div', { className: 'ez-look-side' },
      make('h2', { textContent: item.title }),
      make('p', { textContent: item.description, hidden: !item.description }),
      factList({ Kind: kindName(item.kind), Id: item.id, Base: item.family, Size: inMegabytes(item.bytes), Hash: item.hash, ...facts }),
      triggers(item, dialogCloser(() => dialog)),
      ...Object.values(fields).map(({ label }) => label),
      make('div', { className: 'ez-look-actions' },
        make('button', { type: 'button', className: 'ez-library-save', textContent: 'Save notes', onclick: save }),
        use(item, dialogCloser(() => dialog)),
        item.kind === 'model' && item.bytes ? iconButton('merge', 'Merge or convert', dialogCloser(() => dialog)(() => makeOf(item.id))) : '',
        iconButton('image', 'Preview from the last picture', act(() => setPreview(key))),
        iconButton('trash', 'Delete', act(async () => { await discard(item, key, changed); dialog.close(); })))));
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const dialogCloser = (dialog) => (then) => () => { dialog().close(); then(); };

function factList(facts) {
  return make('dl', { className: 'ez-library-list' }, ...Object.entries(facts).filter(([, value]) => value).slice(0, 24)
    .flatMap(([name, value]) => [make('dt', { textContent: name }), make('dd', { textContent: value })]));
}

/** Words that call it, each one click away from the prompt. */
function triggers(item, closing) {
  return make('div', { className: 'ez-library-triggers', hidden: !item.triggers.length }, ...item.triggers.map((word) =>
    make('button', { type: 'button', className: 'ez-chip', textContent: word, title: `Put ${word} into the prompt`, onclick: closing(() => intoPrompt(word)) })));
}

function use(item, closing) {
  if (item.kind === 'model')
    return iconButton('style', 'Draw with it', closing(() => { fill(currentTab(), { model: item.id }); openTab(currentTab()); }));
  const words = asWords(item);
  return words ? iconButton('style', 'Into the prompt', closing(() => intoPrompt(words))) : '';
}

function intoPrompt(words) {
  const tab = currentTab();
  const prompt = values(tab).prompt?.trim() ?? '';
  fill(tab, { prompt: prompt ? `${prompt.replace(/,$/, '')}, ${words}` : words });
  openTab(tab);
}

async function setPreview(key) {
  const [picture] = await get('/pictures?limit=1');
  const shown = store.chosen()?.picture ?? picture?.id;
  if (!shown) { toast('There is no picture yet.'); return; }
  await put(`/library/preview?key=${key}`, { picture: shown.id ?? shown });
  toast('The picture is its preview now.');
}

async function discard(item, key, changed) {
  const { binned } = await remove(`/library?key=${key}`);
  toast(`${item.title} is in the bin.`, { title: 'Undo', run: async () => {
    try { await post('/library/restore', { binned }); changed(); } catch (error) { toast(error.message); }
  } });
}

/** What is noted; where nothing is, what another program left beside the file shows through. */
function noteFields(item, notes, beside, samplers, schedules) {
  const fields = {};
  const add = (name, title, input) => { fields[name] = { input, label: make('label', { className: 'ez-library-field' }, make('span', { textContent: title }), input) }; };
  add('text', 'Notes', make('textarea', { rows: 4, value: notes.text, placeholder: beside.text }));
  add('triggers', 'Words that call it, with commas', make('input', { type: 'text', value: notes.triggers.join(', '), placeholder: beside.triggers.join(', ') }));
  add('base', 'Made for', make('input', { type: 'text', value: notes.base, placeholder: item.family }));
  if (item.kind === 'lora') add('weight', 'Preferred weight', make('input', { type: 'number', step: 0.05, value: notes.weight ?? '', placeholder: beside.weight ?? '' }));
  if (item.kind !== 'model') return fields;
  add('sampler', 'Sampler', choice(samplers, notes.defaults.sampler));
  add('schedule', 'Schedule', choice(schedules, notes.defaults.schedule));
  add('steps', 'Steps', make('input', { type: 'number', min: 1, value: notes.defaults.steps ?? '' }));
  add('guidance_scale', 'Guidance scale', make('input', { type: 'number', step: 0.5, value: notes.defaults.guidance_scale ?? '' }));
  return fields;
}

function choice(names, value) {
  const box = make('select', {}, make('option', { value: '', textContent: 'As its file says' }), ...names.map((name) => make('option', { value: name, textContent: name })));
  box.value = value ?? '';
  return box;
}

function read(fields) {
  const text = (name) => fields[name]?.input.value.trim() ?? '';
  const number = (name) => (text(name) === '' ? null : Number(text(name)));
  return {
    text: text('text'), base: text('base'), weight: number('weight'),
    triggers: text('triggers').split(',').map((word) => word.trim()).filter(Boolean),
    defaults: { sampler: text('sampler') || null, schedule: text('schedule') || null, steps: number('steps'), guidance_scale: number('guidance_scale') },
  };
}
