// Colours painted on a board's picture. They are part of the picture from then on, and masked with a margin:
// drawing begins with them. Of each stroke the history keeps the pixels that it touched, not the whole picture.

import { differences, restore } from './history.js';
import { Layer } from './layer.js';
import { strokeSegment } from './raster.js';

const MARGIN = 10; // pixels that are masked around a stroke: what a usual mask blur mixes is none of its colour

const originals = new WeakMap(); // of a picture that is painted on: what it was before

/** Begin a stroke of a colour, [red, green, blue]. */
export function beginColour(board, colour) {
  board.begin();
  board.colours = new Layer(board.width, board.height, (value) => [...colour, value]);
}

/** Go on with it from one point to another. */
export function drawColour(board, from, to, softness) {
  const around = (point) => ({ ...point, radius: point.radius + MARGIN });
  strokeSegment(board.colours, from, to, softness);
  board.lay(255, strokeSegment(board.stroke, around(from), around(to), 0));
}

/** Finish the stroke: one step of the history, of picture and mask together. */
export function commitColour(board) {
  board.flush();
  const { colours, edited: { left, top, right, bottom } } = board;
  board.colours = null;
  if (right <= left || bottom <= top) { board.edited = null; return; }
  const squares = differences(board.before, board.layer.data, board.width, board.edited);
  board.edited = null;
  const context = ownContext(board);
  const pixels = () => context.getImageData(left, top, right - left, bottom - top);
  const old = pixels();
  context.drawImage(colours.canvas, 0, 0);
  const now = pixels();
  const was = { pictureId: board.pictureId, unsaved: board.unsaved };
  const put = (which, patch, state) => () => {
    ownContext(board).putImageData(patch, left, top);
    restore(board.layer.data, board.width, squares, which);
    squares.forEach(({ square }) => board.layer.show(square));
    Object.assign(board, state);
    board.version++;
    board.ondraw(null);
  };
  Object.assign(board, { unsaved: true });
  board.version++;
  board.ondraw(null);
  board.history.record({ title: 'Colour', undo: put('old', old, was), redo: put('now', now, { pictureId: was.pictureId, unsaved: true }) });
}

/** Red, green and blue of the picture at a pixel. */
export const colourAt = (pixels, width, x, y) => [...pixels.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)];

/** What was painted on the picture since it came, as a scribble: white on black; null where nothing is left of it. */
export function strokesOf(board) {
  const { picture, width, height } = board;
  const original = picture && originals.get(picture);
  if (!original) return null;
  const made = new OffscreenCanvas(width, height);
  const context = made.getContext('2d', { willReadFrequently: true });
  const pixels = (image) => { context.drawImage(image, 0, 0, width, height); return context.getImageData(0, 0, width, height); };
  const before = new Uint32Array(pixels(original).data.buffer);
  const strokes = pixels(picture);
  const after = new Uint32Array(strokes.data.buffer);
  const [white, black] = new Uint32Array(Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 255).buffer);
  let painted = false;
  for (let i = 0; i < after.length; i++) {
    const differs = after[i] !== before[i];
    painted ||= differs;
    after[i] = differs ? white : black;
  }
  context.putImageData(strokes, 0, 0);
  return painted ? made : null;
}

/** What draws on the picture: a copy of it from the first stroke on. */
function ownContext(board) {
  if (!(board.picture instanceof OffscreenCanvas)) {
    const copy = new OffscreenCanvas(board.width, board.height);
    copy.getContext('2d', { willReadFrequently: true }).drawImage(board.picture, 0, 0, board.width, board.height);
    originals.set(copy, board.picture);
    board.picture = copy;
  }
  return board.picture.getContext('2d');
}
