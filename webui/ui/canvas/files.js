// Pictures, masks and maps that come in by drop, paste or file, and go out as PNG and JSON.

import { get, post } from '../api.js';
import { download, make } from '../dom.js';
import { fill } from '../form.js';
import { openTab } from '../tabs.js';
import { toast } from '../toast.js';
import { MOST_SIDE } from './frame.js';
import { numbersOf, pictureOf } from './keeping.js';
import { OWN, hexOf, keepOwn, ownPalette, readPalette } from './palettes.js';
import { encodePng } from './png.js';

/** Take a file as the picture of the canvas; what is refused is said, and nothing is lost. */
export const takePicture = (desk, file) => telling(desk, async () => {
  const { id } = await post('/images', file);
  const found = await picture(id);
  desk.board.become({ ...found, data: new Uint8Array(found.width * found.height) }, 'Picture');
  desk.arrived();
});

async function picture(id) {
  const found = await pictureOf(id);
  if (Math.max(found.width, found.height) > MOST_SIDE)
    throw new Error(`The picture has ${found.width} × ${found.height} pixels; the canvas takes up to ${MOST_SIDE} a side. Scale it down first.`);
  return found;
}

/** Take a file as the mask: white where to redraw. */
export const takeMask = (desk, file) => telling(desk, async () => {
  const { board } = desk;
  const { id, width, height } = await post('/images', file);
  if (width !== board.width || height !== board.height)
    throw new Error(`The mask has ${width} × ${height} pixels, the picture ${board.width} × ${board.height}. Bring in a mask of the picture's size.`);
  const numbers = await numbersOf(id);
  const data = numbers && !numbers.colours ? numbers.data : await brightness(id);
  board.edit('Mask', (layer) => { layer.data.set(data); return layer.whole(); });
});

/** Begin img2img with the picture, and the colours that were painted on it. */
export const drawFromPicture = (desk) => telling(desk, async () => {
  if (!desk.board.picture) throw new Error('There is no picture yet. Bring one in first.');
  await desk.keeping.settled();
  fill('img2img', { image: desk.board.pictureId, width: null, height: null });
  openTab('img2img');
});

/** The mask from what is see-through in the picture. */
export const maskFromAlpha = (desk) => telling(desk, async () => {
  const pixels = desk.pictureData();
  if (!pixels) throw new Error('There is no picture yet. Bring one in first.');
  const data = new Uint8Array(pixels.length / 4).map((_, i) => 255 - pixels[4 * i + 3]);
  if (data.every((value) => value === 0)) throw new Error('Nothing of the picture is see-through, so there is no mask in it.');
  desk.board.edit('Mask from transparency', (layer) => { layer.data.set(data); return layer.whole(); });
});

/** Take a file as the map of classes: our JSON, numbers, or colours brought to the nearest class. */
export const takeMap = (desk, file) => telling(desk, async () => {
  if (/\.json$/i.test(file.name) || file.type === 'application/json') return takeJson(desk, await file.text());
  const { id, width, height } = await post('/images', file);
  tooLarge(width, height);
  const numbers = await numbersOf(id);
  const known = desk.look.length;
  const exact = numbers && (!numbers.colours || sameColours(numbers.colours, desk.look)) && numbers.data.every((value) => value < known);
  const { data, moved } = exact ? { data: numbers.data, moved: 0 } : snapped(await pixelsOf(id), desk.look);
  desk.board.become({ width, height, data }, 'Map');
  desk.arrived();
  const count = (width * height).toLocaleString('en');
  if (desk.noun === 'colour') return; // of a photograph hardly any pixel is a paint's
  const read = moved > width * height / 2 ? { title: 'Read it as a photograph', run: () => readPhoto(desk, file) } : undefined;
  toast(moved ? `${moved.toLocaleString('en')} of ${count} pixels had colours of no class and were moved to the nearest.` : 'Every pixel has a class.', read);
});

/**
 * Take a photograph as a first map: a segmenter, where one is installed, sees what is in it; else its colours are
 * gathered into areas, each of the nearest class.
 */
export const readPhoto = (desk, file, byColours = false) => telling(desk, async () => {
  const { id, width, height } = await post('/images', file);
  tooLarge(width, height);
  const installed = byColours ? [] : await get('/adapters?kind=segmenter');
  const segmenter = installed.find((one) => !one.id.startsWith('starter/')) ?? installed[0]; // a person's own before the one in the box
  const made = await post(`/images/${id}/class-map`, { colours: desk.look, ...(segmenter ? { classes: desk.classes, segmenter: segmenter.id } : {}) });
  if (segmenter) toast(`Read by ${segmenter.title}.`, { title: 'Read its colours instead', run: () => readPhoto(desk, file, true) });
  const { data } = await numbersOf(made.id);
  desk.board.become({ width, height, data }, 'Photograph');
  desk.arrived();
});

function tooLarge(width, height) {
  if (Math.max(width, height) > MOST_SIDE) throw new Error(`The map has ${width} × ${height} pixels; the canvas takes up to ${MOST_SIDE} a side. Scale it down first.`);
}

/** Whether a PNG's palette is that of these classes. */
export const sameColours = (found, look) => look.every((colour, i) => !found[i] || colour.every((value, channel) => value === found[i][channel]));

/** Each pixel's nearest class by colour, and how many had not exactly its colour. */
export function snapped(pixels, look) {
  const data = new Uint8Array(pixels.length / 4);
  const nearest = new Map();
  let moved = 0;
  for (let i = 0; i < data.length; i++) {
    const key = (pixels[4 * i] << 16) | (pixels[4 * i + 1] << 8) | pixels[4 * i + 2];
    if (!nearest.has(key)) nearest.set(key, nearestClass(pixels.subarray(4 * i, 4 * i + 3), look));
    const { index, distance } = nearest.get(key);
    data[i] = index;
    if (distance > 0) moved++;
  }
  return { data, moved };
}

/** The class of the nearest colour, and how far it is. */
export function nearestClass(colour, look) {
  let best = { index: 0, distance: Infinity };
  look.forEach((own, index) => {
    const distance = own.reduce((sum, value, channel) => sum + (value - colour[channel]) ** 2, 0);
    if (distance < best.distance) best = { index, distance };
  });
  return best;
}

function takeJson(desk, text) {
  let map = null;
  try { map = JSON.parse(text); } catch { /* said below */ }
  const { width, height, runs, classes, colours, boxes = [] } = map ?? {};
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && Array.isArray(runs) && Array.isArray(classes);
  if (!whole) throw new Error('The file is no map that Easel wrote: width, height, classes and runs were expected.');
  tooLarge(width, height);
  const named = Array.isArray(colours) && readPalette(classes.map((name, i) => ({ name, colour: colours[i] })));
  if (desk.mixed && named && classes.some((name) => !desk.classes.includes(name))) takeClasses(desk, named);
  const places = classes.map((name) => desk.classes.indexOf(name));
  const unknown = classes.filter((_, i) => places[i] < 0 && runs.some(([value]) => value === i));
  if (unknown.length) throw new Error(`The map has classes that the model does not know: ${unknown.join(', ')}.`);
  const data = new Uint8Array(width * height);
  let at = 0;
  for (const [value, count] of runs) { data.fill(places[value] ?? 0, at, at + count); at += count; }
  if (at !== data.length) throw new Error(`The map's runs hold ${at} pixels; ${data.length} were expected.`);
  desk.board.become({ width, height, data, boxes }, 'Map');
  desk.arrived();
}

/** A map of other classes, for a model that draws any: they become the own palette. */
function takeClasses(desk, entries) {
  keepOwn(entries);
  desk.paintWith(ownPalette());
  fill(desk.tab, { map_palette: OWN });
}

/** The map as text: classes by name, rows as runs of [class, pixels]. */
export function mapAsJson(desk) {
  const { board, classes, look } = desk;
  const runs = [];
  for (const value of board.layer.data) {
    const last = runs.at(-1);
    if (last?.[0] === value) last[1]++; else runs.push([value, 1]);
  }
  return JSON.stringify({ width: board.width, height: board.height, classes, colours: look.map(hexOf), runs, boxes: board.boxes });
}

/** Hand over the layer as a PNG of numbers: a mask in grey, a map in its palette. */
export const savePng = (desk) => telling(desk, async () => {
  const { board, look } = desk;
  download(await encodePng(board.layer.data, board.width, board.height, look), board.kind === 'mask' ? 'mask.png' : desk.noun === 'colour' ? 'painting.png' : 'class-map.png');
});

export const saveJson = (desk) => download(new Blob([mapAsJson(desk)], { type: 'application/json' }), 'class-map.json');

/** Ask for a file. */
export function choose(accept, take) {
  const input = make('input', { type: 'file', accept });
  input.addEventListener('change', () => input.files[0] && take(input.files[0]));
  input.click();
}

/** Files that are dropped on the element, or pasted while its tab is open. */
export function listenForFiles(desk, take) {
  const over = (on) => (event) => { event.preventDefault(); desk.root.classList.toggle('ez-over', on); };
  desk.root.addEventListener('dragover', over(true));
  desk.root.addEventListener('dragleave', over(false));
  desk.root.addEventListener('drop', (event) => { over(false)(event); const file = event.dataTransfer.files[0]; if (file) take(file); });
  document.addEventListener('paste', (event) => {
    if (document.body.dataset.tab !== desk.tab) return;
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith('image/'));
    if (file) { event.preventDefault(); take(file); }
  });
}

async function pixelsOf(id) {
  const { picture: image, width, height } = await pictureOf(id);
  return pixelData(image, width, height);
}

/** Red, green, blue and alpha of a picture, scaled to a size. */
export function pixelData(image, width, height) {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

async function brightness(id) {
  const pixels = await pixelsOf(id);
  return new Uint8Array(pixels.length / 4).map((_, i) => {
    const [red, green, blue, alpha] = pixels.subarray(4 * i, 4 * i + 4);
    return Math.round(((299 * red + 587 * green + 114 * blue) / 1000) * (alpha / 255));
  });
}

async function telling(desk, act) {
  desk.busy(true);
  try { await act(); } catch (error) { toast(error.message); } finally { desk.busy(false); }
}
