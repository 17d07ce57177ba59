// Where the pictures of a form's controls come from: a file, or what is on the canvas, which a control goes on to
// follow; and what a preprocessor makes of them. A request holds what that was when it was sent.

import { post } from './api.js';
import { stored } from './settled.js';
import { slotValue } from './slots.js';

export const [PICTURE, STROKES, THE_MAP, MASK] = ['picture', 'strokes', 'map', 'mask'];
const NOTHING = {
  [PICTURE]: 'There is no picture yet. Bring one in first.',
  [STROKES]: 'No colours are painted on the picture yet. Paint some with the colour brush (C).',
  [THE_MAP]: 'No map is painted yet. Paint one on the semantic tab.',
  [MASK]: 'No mask is painted yet. Paint where it shall steer, then use it.',
};
const made = new Map(); // pictures by their ids: what each was made of, and how
const MOST_MADE = 50;

/** Press a button that follows: it begins to, where there is something, or ends. */
export async function follows(view, unit, what) {
  const mask = what === MASK;
  if (mask ? unit.followsMask : unit.following === what) {
    delete unit[mask ? 'followsMask' : 'following'];
  } else {
    await stored(view.tab);
    if (!await held(view, what)) {
      unit.said = NOTHING[what];
      view.show();
      return;
    }
    // The strokes are lines already, of which a preprocessor would only make their edges.
    if (what === STROKES) Object.assign(unit, { way: '', settings: {} });
    Object.assign(unit, mask ? { followsMask: true, said: undefined } : { following: what, seen: null });
    await follow(view);
  }
  view.changed();
  view.show();
}

/** Bring what follows the canvas up to it: for all controls of a form, one call after the other. */
export function follow(view) {
  if (!view.root.isConnected || !view.units.some((unit) => unit.following || unit.followsMask)) return view.catching;
  view.catching = (view.catching ?? Promise.resolve()).then(() => Promise.all(view.units.map((unit) => catchUp(view, unit))));
  return view.catching;
}

/** The same before a form is sent: a map may have been painted a moment ago, on its own tab. */
export async function upToDate(view) {
  if (view.units.some(({ following }) => following === THE_MAP)) await stored('semantic');
  await follow(view);
}

async function catchUp(view, unit) {
  try {
    if (unit.followsMask) putMask(view, unit, slotValue(view.tab, 'mask'));
    const now = unit.following ? standing(view, unit.following) : unit.seen;
    if (now === unit.seen) return; // a control that follows nothing has always seen it
    const image = await held(view, unit.following);
    Object.assign(unit, { seen: now, source: image, said: undefined, asked: null });
    if (unit.way && image) { await remade(view, unit); return; }
    unit.image = image;
  } catch (error) {
    unit.said = error.message;
  }
  view.changed();
  view.show();
}

/** By what a change of what is followed is known: strokes are a part of the picture. */
const standing = (view, what) => (what === THE_MAP ? slotValue('semantic', 'class_map') : slotValue(view.tab, 'image'));

/** Id of what is followed, as the server has it; null where there is nothing. */
async function held(view, what) {
  if (what === STROKES) return strokesOn(view.tab);
  if (what === MASK) return slotValue(view.tab, 'mask');
  if (what === THE_MAP) await stored('semantic');
  return standing(view, what);
}

/** Id of a picture of what was painted on a tab's canvas; null where nothing was. */
async function strokesOn(tab) {
  const [{ deskOf }, { strokesOf }] = await Promise.all([import('./canvas/canvas.js'), import('./canvas/sketch.js')]);
  const drawn = strokesOf(deskOf(tab).board);
  return drawn && (await post('/images', await drawn.convertToBlob({ type: 'image/png' }))).id;
}

/** Take a file as the mask of where a control steers; none means everywhere. */
export async function maskOf(view, unit, file) {
  delete unit.followsMask;
  try {
    putMask(view, unit, file && (await post('/images', file)).id);
  } catch (error) {
    unit.said = error.message;
  }
  view.changed();
  view.show();
}

function putMask(view, unit, mask) {
  if (mask === (unit.mask ?? null)) return;
  if (mask) unit.mask = mask; else delete unit.mask;
  unit.said = undefined;
  view.changed();
  view.show();
}

/** Take a file as a control's picture. */
export const take = (view, unit, file) => awaited(view, taken(view, unit, file));

async function taken(view, unit, file) {
  delete unit.following;
  try {
    unit.source = (await post('/images', file)).id;
    unit.image = unit.source;
    unit.said = undefined;
    if (unit.way) return await remade(view, unit);
  } catch (error) {
    unit.said = error.message;
  }
  view.changed();
  view.show();
}

/** The control's picture, made anew of the one that was chosen. */
export const remake = (view, unit) => awaited(view, remade(view, unit));

async function remade(view, unit) {
  const asked = unit.asked = {};
  try {
    unit.source ??= unit.image;
    const { source, way, settings } = unit;
    const image = way && source ? (await post('/preprocess', { image: source, preprocessor: way, settings })).id : source;
    if (unit.asked !== asked) return;
    if (way && source) remember(image, { source, way, settings: { ...settings } });
    unit.image = image;
    unit.said = undefined;
  } catch (error) {
    unit.said = error.message;
  }
  view.changed();
  view.show();
}

/** Let Generate wait for something. */
function awaited(view, doing) {
  view.coming.add(doing);
  return doing.finally(() => view.coming.delete(doing));
}

function remember(image, how) {
  made.delete(image);
  made.set(image, how);
  if (made.size > MOST_MADE) made.delete(made.keys().next().value);
}

const keyOf = (tab) => `easel.controls.${tab}`;

/** Keep, for when the page is loaded anew, what a request does not tell of its controls: of those that wait for their pictures it tells nothing. */
export function keepInMind(view) {
  const kept = view.units.map(({ said, asked, adapter, image, source, way, settings, following, followsMask, seen, ...more }) => ({ adapter, image, source, way, settings, following, followsMask, seen, ...(image ? {} : more) }));
  try { localStorage.setItem(keyOf(view.tab), JSON.stringify(kept)); } catch { /* private mode */ }
}

/** What the page knows of a control that a form was filled with. What it followed counts where the form is as it was left. */
export function recalled(view, { adapter, image }) {
  const left = view.isNew ? view.left.find((one) => one.adapter === adapter && one.image === image) : null;
  return left ?? made.get(image) ?? {};
}

/** What was kept of a form's controls when the page was left. */
export function leftOf(tab) {
  try { return JSON.parse(localStorage.getItem(keyOf(tab)) ?? '[]'); } catch { return []; }
}
