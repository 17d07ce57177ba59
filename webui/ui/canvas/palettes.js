// What maps are painted in: a model's classes, those of a data set, or one's own, kept in the browser.

import { get } from '../api.js';
import { download, icon, make } from '../dom.js';

export const MODELS_OWN = "Model's own";
export const OWN = 'Own';
const KEY = 'easel.palette';
const MOST = 64;
const FIRST = [{ name: 'sky', colour: [126, 190, 238] }, { name: 'ground', colour: [132, 190, 84] }];

const asked = new Map();
document.addEventListener('easel:offers', () => asked.clear()); // palettes of extensions come and go

/** Entries { name, colour, words } of a palette, for a model; null where they cannot be had now. */
export async function paletteOf(name, modelId) {
  if (name === OWN) return ownPalette();
  if (!asked.has(modelId)) asked.set(modelId, get(`/palettes?model=${encodeURIComponent(modelId)}`).catch(() => { asked.delete(modelId); return null; }));
  const found = (await asked.get(modelId))?.find((one) => one.name === name);
  return found ? found.classes.map((each, i) => ({ name: each, colour: found.colours[i], words: found.words[i] })) : null;
}

export function ownPalette() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(KEY)); } catch { /* private mode, or not ours */ }
  return (readPalette(kept) ?? FIRST).map((entry) => ({ ...entry, words: entry.name }));
}

/** Keep a palette as the own one, and tell the canvas. */
export function keepOwn(entries) {
  try { localStorage.setItem(KEY, JSON.stringify(asFile(entries))); } catch { /* private mode */ }
  document.dispatchEvent(new CustomEvent('easel:palette'));
}

/** A palette's file: [{ name, colour: '#rrggbb' }]; null where it is none. */
export function readPalette(given) {
  if (!Array.isArray(given) || !given.length || given.length > 256) return null;
  const whole = given.every((entry) => typeof entry?.name === 'string' && entry.name.trim() && /^#[0-9a-f]{6}$/i.test(entry.colour));
  const names = new Set(given.map((entry) => entry?.name?.trim?.()));
  return whole && names.size === given.length ? given.map(({ name, colour }) => ({ name: name.trim().slice(0, 100), colour: rgbOf(colour) })) : null;
}

const asFile = (entries) => entries.map(({ name, colour }) => ({ name, colour: hexOf(colour) }));
export const rgbOf = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
export const hexOf = (colour) => `#${colour.map((level) => level.toString(16).padStart(2, '0')).join('')}`;

/** The sheet in which the own palette is made. `files` = { choose }. */
export function openOwn(files) {
  const rows = make('div', { className: 'ez-own-rows' });
  const said = make('p', { className: 'ez-style-said', role: 'alert' });
  const entries = () => [...rows.children].map((row) => ({ name: row.querySelector('[type=text]').value.trim(), colour: rgbOf(row.querySelector('[type=color]').value) })).filter(({ name }) => name);
  const show = (given) => rows.replaceChildren(...given.map(row));
  const add = () => { if (rows.childElementCount < MOST) rows.append(row({ name: '', colour: [128, 128, 128] })); rows.lastElementChild?.querySelector('[type=text]').focus(); };
  const bring = () => files.choose('.json,application/json', async (file) => {
    let found = null;
    try { found = readPalette(JSON.parse(await file.text())); } catch { /* said below */ }
    said.textContent = found ? '' : 'The file is no palette: a list of { "name", "colour": "#rrggbb" } with different names was expected.';
    if (found) show(found);
  });
  const save = () => {
    const made = entries();
    const twice = made.find(({ name }, i) => made.findIndex((other) => other.name === name) !== i);
    said.textContent = !made.length ? 'Give at least one class a name.' : twice ? `There are two classes named ${twice.name}. Name them differently.` : '';
    if (said.textContent) return;
    keepOwn(made);
    dialog.close();
  };
  const word = (text, onclick, strong = '') => make('button', { type: 'button', className: `ez-canvas-word ${strong}`, textContent: text, onclick });
  const dialog = make('dialog', { className: 'ez-dialog ez-own', 'aria-label': 'Own palette' }, make('h2', { textContent: 'Own palette' }), rows, said,
    make('footer', {}, word('Add a class', add), word('Open', bring), word('Save as file', () => download(new Blob([JSON.stringify(asFile(entries()))], { type: 'application/json' }), 'palette.json')), word('Use it', save, 'ez-canvas-strong')));
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => dialog.remove());
  show(ownPalette());
  (document.fullscreenElement ?? document.body).append(dialog);
  dialog.showModal();
}

function row({ name, colour }) {
  const remove = make('button', { type: 'button', className: 'ez-icon', 'aria-label': `Remove ${name || 'the class'}`, onclick: () => element.remove() }, icon('close'));
  const element = make('div', { className: 'ez-own-row' }, make('input', { type: 'color', value: hexOf(colour), 'aria-label': 'Colour' }), make('input', { type: 'text', value: name, placeholder: 'Class', maxLength: 100, 'aria-label': 'Name of the class' }), remove);
  return element;
}
