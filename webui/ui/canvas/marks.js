// What lies over the canvas while one works: the outline of a lasso, the brush's ring, boxes.

import { make } from '../dom.js';
import { TOOLS } from './tools.js';

const SVG = 'http://www.w3.org/2000/svg';

/** An outline of points of the board, drawn over it. */
export function outline(view) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'ez-canvas-marks');
  svg.setAttribute('aria-hidden', 'true');
  const [below, above] = ['#000000b0', '#ffffff'].map((colour, i) => {
    const line = document.createElementNS(SVG, 'polygon');
    for (const [name, value] of Object.entries({ fill: 'none', stroke: colour, 'stroke-width': i ? 1 : 3, 'stroke-dasharray': i ? '4 4' : '' })) line.setAttribute(name, value);
    svg.append(line);
    return line;
  });
  const set = (text) => { for (const line of [below, above]) line.setAttribute('points', text); };
  return {
    svg,
    path: (points) => set(points.map(({ x, y }) => { const at = view.toScreen(x, y); return `${at.x},${at.y}`; }).join(' ')),
    clear: () => set(''),
  };
}

/** The ring that shows how large the brush is. */
export function brushRing(desk) {
  const element = make('i', { className: 'ez-canvas-ring', hidden: true, 'aria-hidden': 'true' });
  return {
    element,
    show({ clientX, clientY }) {
      const round = TOOLS[desk.options.tool].round && !desk.spaceHeld && desk.ready();
      element.hidden = !round;
      if (!round) return;
      const box = desk.view.bounds();
      const size = Math.max(3, desk.options.size * desk.view.scale);
      element.style.width = element.style.height = `${size}px`;
      element.style.transform = `translate(${clientX - box.left - size / 2}px, ${clientY - box.top - size / 2}px)`;
    },
    hide() { element.hidden = true; },
  };
}

/** The boxes of a layout: dragged with the box tool, or focused, moved by arrow keys and removed by Delete. */
export function boxMarks(desk) {
  const holder = make('div', { className: 'ez-canvas-boxes', role: 'list', 'aria-label': 'Boxes' });
  const render = () => {
    const { boxes } = desk.board;
    holder.hidden = !(desk.layout || desk.mixed) || !!desk.view.over;
    holder.dataset.held = desk.options.tool === 'box';
    if (holder.childElementCount !== boxes.length || holder.boxes !== boxes) {
      holder.replaceChildren(...boxes.map((box, i) => boxElement(desk, box, i)));
      holder.boxes = boxes;
    }
    [...holder.children].forEach((element, i) => place(desk, element, boxes[i]));
  };
  return { holder, render };
}

function boxElement(desk, box, index) {
  const remove = make('button', { type: 'button', title: `Remove the box of ${box.label}`, 'aria-label': `Remove the box of ${box.label}`, textContent: '×', onclick: () => removeBox(desk, index) });
  const [label, grip] = [make('span', { textContent: box.label }), make('i', { 'aria-hidden': 'true' })];
  const element = make('div', { className: 'ez-canvas-box', role: 'listitem', tabIndex: 0, 'aria-label': `Box of ${box.label}` }, label, remove, grip);
  drag(desk, index, element, label, () => null);
  drag(desk, index, element, grip, (at) => nearestCorner(desk, index, at));
  element.addEventListener('keydown', (event) => boxKey(desk, index, event));
  return element;
}

function place(desk, element, box) {
  element.style.setProperty('--colour', desk.colourOf(box.label));
  const { board, view } = desk;
  const corners = [[box.left, box.top], [box.right, box.bottom]].map(([x, y]) => view.toScreen(x * board.width, y * board.height));
  const [left, right] = [Math.min(corners[0].x, corners[1].x), Math.max(corners[0].x, corners[1].x)];
  const [top, bottom] = [Math.min(corners[0].y, corners[1].y), Math.max(corners[0].y, corners[1].y)];
  Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
}

function removeBox(desk, index) {
  desk.board.become({ boxes: desk.board.boxes.filter((_, i) => i !== index) }, 'Remove a box');
}

/** Follow a pointer that goes down on a part of a box: all of the box, or the corner that `cornerAt` says. */
function drag(desk, index, element, part, cornerAt) {
  let held = null;
  const moved = (event) => {
    const { board, view } = desk;
    const at = view.toBoard(event);
    return shifted(board.boxes[index], (at.x - held.from.x) / board.width, (at.y - held.from.y) / board.height, held.corner);
  };
  part.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    part.setPointerCapture(event.pointerId);
    const from = desk.view.toBoard(event);
    held = { from, corner: cornerAt(from) };
  });
  part.addEventListener('pointermove', (event) => { if (held) place(desk, element, moved(event)); });
  part.addEventListener('pointerup', (event) => { if (held) put(desk, index, moved(event), held.corner ? 'Size a box' : 'Move a box'); held = null; });
  part.addEventListener('pointercancel', () => { held = null; desk.boxes.render(); });
}

/** The corner of a box next to a point of the board: in a turned view the lower right one may be any. */
function nearestCorner({ board }, index, { x, y }) {
  const box = board.boxes[index];
  const nearer = (at, low, high) => (Math.abs(at - box[low]) < Math.abs(at - box[high]) ? low : high);
  return [nearer(x / board.width, 'left', 'right'), nearer(y / board.height, 'top', 'bottom')];
}

const SIDES = [['left', 'right'], ['top', 'bottom']];
const STEP = 0.01; // of a side: how far an arrow goes, and the least that a box has

/** A box moved by shares of the board, or a corner of it; it stays on the board, and a box. */
function shifted(box, dx, dy, corner) {
  const made = { ...box };
  [dx, dy].forEach((by, i) => {
    const [low, high] = SIDES[i];
    const side = corner?.[i];
    const least = side === high ? box[low] - box[high] + STEP : -box[low];
    const most = side === low ? box[high] - box[low] - STEP : 1 - box[high];
    const step = Math.min(most, Math.max(least, by));
    for (const each of side ? [side] : SIDES[i]) made[each] = Math.round((box[each] + step) * 1e4) / 1e4;
  });
  return made;
}

function put(desk, index, box, title) {
  const { board } = desk;
  if (JSON.stringify(box) === JSON.stringify(board.boxes[index])) desk.boxes.render();
  else board.become({ boxes: board.boxes.with(index, box) }, title);
  desk.boxes.holder.children[index]?.focus({ preventScroll: true });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Arrows move a box, with Shift its lower right corner; Delete removes it. */
function boxKey(desk, index, event) {
  if (event.target !== event.currentTarget) return;
  const arrow = ARROWS[event.key];
  if (event.key === 'Delete' || event.key === 'Backspace') {
    removeBox(desk, index);
    desk.boxes.holder.children[Math.min(index, desk.board.boxes.length - 1)]?.focus();
  } else if (arrow) {
    const corner = event.shiftKey ? ['right', 'bottom'] : null;
    put(desk, index, shifted(desk.board.boxes[index], arrow[0] * STEP, arrow[1] * STEP, corner), corner ? 'Size a box' : 'Move a box');
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
