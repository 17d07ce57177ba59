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

/** The boxes of a layout: to be focused, moved by arrow keys and removed by Delete. */
export function boxMarks(desk) {
  const holder = make('div', { className: 'ez-canvas-boxes', role: 'list', 'aria-label': 'Boxes' });
  const render = () => {
    const { boxes } = desk.board;
    holder.hidden = !(desk.layout || desk.mixed) || !!desk.view.over;
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
  const element = make('div', { className: 'ez-canvas-box', role: 'listitem', tabIndex: 0, 'aria-label': `Box of ${box.label}` }, make('span', { textContent: box.label }), remove);
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

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.01;

/** Arrows move a box, with Shift its lower right corner; Delete removes it. */
function boxKey(desk, index, event) {
  if (event.target !== event.currentTarget) return;
  if (event.key === 'Delete' || event.key === 'Backspace') removeBox(desk, index);
  else if (ARROWS[event.key]) moveBox(desk, index, ARROWS[event.key], event.shiftKey);
  else return;
  event.preventDefault();
  event.stopPropagation();
  desk.boxes.holder.children[Math.min(index, desk.board.boxes.length - 1)]?.focus();
}

function moveBox(desk, index, [x, y], corner) {
  const boxes = desk.board.boxes.map((box) => ({ ...box }));
  const box = boxes[index];
  const moved = { left: box.left + (corner ? 0 : x * STEP), right: box.right + x * STEP, top: box.top + (corner ? 0 : y * STEP), bottom: box.bottom + y * STEP };
  if (moved.left < 0 || moved.top < 0 || moved.right > 1 || moved.bottom > 1 || moved.right - moved.left < STEP || moved.bottom - moved.top < STEP) return;
  Object.assign(box, moved);
  desk.board.become({ boxes }, 'Move a box');
}
