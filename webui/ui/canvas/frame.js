// The frame of a picture that is drawn on beyond its sides: how large it is, and how it is dragged and typed.

import { make } from '../dom.js';

export const SIDES = ['left', 'top', 'right', 'bottom'];
export const NO_FRAME = { left: 0, top: 0, right: 0, bottom: 0 };
const STEP = 8;
const MOST_BEYOND = 2048;
export const MOST_SIDE = 4096; // as a request's; of a picture, and of picture and frame
const REACH = 32; // CSS pixels from a side within which a pointer takes hold of it
const BIG_STEP = 8; // times as far, with Shift
const TITLES = { left: 'Left', top: 'Top', right: 'Right', bottom: 'Bottom' };

export const isFramed = (frame) => SIDES.some((side) => frame[side] > 0);

/** The sides of a request's frame. */
export const frameOf = (request) => Object.fromEntries(SIDES.map((side) => [side, request[`outpaint_${side}`] ?? 0]));

/** Picture and frame in the picture's pixels, as the server has them: whole cells wide and high. */
export function outerOf({ width, height, frame }) {
  const fill = (length) => (isFramed(frame) ? (STEP - (length % STEP)) % STEP : 0);
  const whole = { width: frame.left + width + frame.right, height: frame.top + height + frame.bottom };
  const [wide, high] = [whole.width + fill(whole.width), whole.height + fill(whole.height)];
  return { left: -frame.left, top: -frame.top, right: wide - frame.left, bottom: high - frame.top, width: wide, height: high };
}

/** A frame with one side at so many pixels, as near as is allowed. */
function withSide({ width, height, frame }, side, pixels) {
  const [along, opposite] = side === 'left' ? [width, 'right'] : side === 'right' ? [width, 'left'] : side === 'top' ? [height, 'bottom'] : [height, 'top'];
  const room = Math.floor((MOST_SIDE - along - frame[opposite]) / STEP) * STEP;
  const wanted = Math.round((Number.isFinite(pixels) ? pixels : 0) / STEP) * STEP;
  return { ...frame, [side]: Math.max(0, Math.min(wanted, MOST_BEYOND, room)) };
}

/** The sides that a pointer at a point of the board takes hold of; one at each end of a corner. */
function sidesAt(desk, { x, y }) {
  const reach = REACH / desk.view.scale;
  const outer = outerOf(desk.board);
  if (x < outer.left - reach || x > outer.right + reach || y < outer.top - reach || y > outer.bottom + reach) return [];
  const near = { left: x - outer.left, top: y - outer.top, right: outer.right - x, bottom: outer.bottom - y };
  const [across, down] = [near.left <= near.right ? 'left' : 'right', near.top <= near.bottom ? 'top' : 'bottom'];
  return [across, down].filter((side) => near[side] <= reach);
}

/** The tool: drag a side of the frame, or a corner; elsewhere the view moves. */
export const frameTool = {
  title: 'Draw the picture on',
  key: 'X',
  kind: 'frame',
  begin(desk, point) { desk.grip = { from: point, frame: desk.board.frame, sides: sidesAt(desk, point) }; },
  move(desk, point, last) {
    const { from, frame, sides } = desk.grip;
    if (!sides.length) { desk.view.pan(point.event.clientX - last.event.clientX, point.event.clientY - last.event.clientY); return; }
    const by = { left: from.x - point.x, top: from.y - point.y, right: point.x - from.x, bottom: point.y - from.y };
    const { width, height } = desk.board;
    desk.board.frame = sides.reduce((made, side) => withSide({ width, height, frame: made }, side, frame[side] + by[side]), frame);
    desk.redraw();
  },
  end(desk) {
    const dragged = desk.board.frame;
    this.abandon(desk);
    setFrame(desk, dragged);
  },
  abandon(desk) { desk.board.frame = desk.grip.frame; },
};

function setFrame(desk, frame) {
  if (SIDES.every((side) => frame[side] === desk.board.frame[side])) { desk.redraw(); return; }
  desk.board.become({ frame }, 'Frame');
  if (!desk.view.free) desk.view.fit();
}

const moved = (desk, side, pixels) => setFrame(desk, withSide(desk.board, side, pixels));

/** Handles at the frame's sides: seen by the eye, and moved by arrow keys. */
export function frameHandles(desk) {
  const handles = SIDES.map((side) => [side, handle(desk, side)]);
  const holder = make('div', { className: 'ez-canvas-frame', hidden: true }, ...handles.map(([, element]) => element));
  const render = () => {
    holder.hidden = desk.options.tool !== 'frame' || !desk.board.picture || !!desk.view.over;
    if (holder.hidden) return;
    const { left, top, right, bottom } = outerOf(desk.board);
    const places = { left: [left, (top + bottom) / 2], right: [right, (top + bottom) / 2], top: [(left + right) / 2, top], bottom: [(left + right) / 2, bottom] };
    for (const [side, element] of handles) {
      const at = desk.view.toScreen(...places[side]);
      Object.assign(element.style, { left: `${at.x}px`, top: `${at.y}px` });
      element.setAttribute('aria-valuenow', desk.board.frame[side]);
      element.setAttribute('aria-valuetext', `${desk.board.frame[side]} pixels beyond`);
    }
  };
  return { holder, render };
}

const OUTWARD = { left: 'ArrowLeft', top: 'ArrowUp', right: 'ArrowRight', bottom: 'ArrowDown' };
const INWARD = { left: 'ArrowRight', top: 'ArrowDown', right: 'ArrowLeft', bottom: 'ArrowUp' };

function handle(desk, side) {
  const element = make('i', { className: 'ez-canvas-grip', tabIndex: 0, role: 'slider', 'aria-label': `${TITLES[side]} side of the frame`, 'aria-valuemin': 0, 'aria-valuemax': MOST_BEYOND });
  element.addEventListener('keydown', (event) => {
    const way = event.key === OUTWARD[side] ? 1 : event.key === INWARD[side] ? -1 : 0;
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    moved(desk, side, desk.board.frame[side] + way * STEP * (event.shiftKey ? BIG_STEP : 1));
  });
  return element;
}

/** The same as numbers, in the bar, and the size that comes of them. */
export function frameNumbers(desk) {
  const inputs = SIDES.map((side) => [side, make('input', { type: 'number', min: 0, max: MOST_BEYOND, step: STEP, 'aria-label': `Pixels beyond the ${side}` })]);
  const said = make('output');
  for (const [side, input] of inputs) input.addEventListener('change', () => { moved(desk, side, Number.parseFloat(input.value)); input.value = desk.board.frame[side]; });
  const element = make('div', { className: 'ez-canvas-numbers', role: 'group', 'aria-label': 'Pixels beyond each side', hidden: true }, ...inputs.map(([side, input]) => make('label', {}, make('span', { textContent: TITLES[side] }), input)), said);
  const render = () => {
    element.hidden = desk.options.tool !== 'frame';
    for (const [side, input] of inputs) {
      input.disabled = !desk.ready();
      if (document.activeElement !== input) input.value = desk.board.frame[side];
    }
    const { width, height } = outerOf(desk.board);
    said.textContent = desk.board.picture ? `${width} × ${height}` : '';
  };
  return { element, render };
}
