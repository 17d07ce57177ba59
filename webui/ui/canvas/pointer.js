// Mouse, pen and fingers: one paints, two fingers or a wheel move the view.

import { TOOLS } from './tools.js';

const WHEEL = 0.0015; // share of a doubling per unit of the wheel
const PAN_BUTTONS = [1, 2]; // the middle and the right one
const PEN_ERASER = 5; // the other end of a pen

/** Listen on the desk's surface. */
export function listenForPointers(desk) {
  const { surface } = desk;
  const state = { pointers: new Map(), tool: null, last: null };
  surface.addEventListener('pointerdown', (event) => down(desk, state, event));
  surface.addEventListener('pointermove', (event) => move(desk, state, event));
  surface.addEventListener('pointerup', (event) => up(desk, state, event, true));
  surface.addEventListener('pointercancel', (event) => up(desk, state, event, false));
  surface.addEventListener('pointerleave', () => desk.ring.hide());
  surface.addEventListener('contextmenu', (event) => event.preventDefault());
  surface.addEventListener('wheel', (event) => wheel(desk, event), { passive: false });
}

function down(desk, state, event) {
  event.preventDefault();
  desk.surface.focus({ preventScroll: true });
  desk.cursor.leave();
  if (event.isTrusted) desk.surface.setPointerCapture(event.pointerId);
  state.pointers.set(event.pointerId, event);
  if (state.pointers.size > 1) { // a second finger: it was not meant to paint
    abandon(desk, state);
    return;
  }
  const panning = PAN_BUTTONS.includes(event.button) || desk.spaceHeld;
  if (!panning && !desk.ready()) return;
  const erasing = event.button === PEN_ERASER && desk.tools.includes('eraser');
  state.tool = TOOLS[panning ? 'hand' : erasing ? 'eraser' : desk.options.tool];
  state.last = pointOf(desk, event);
  state.tool.begin(desk, state.last);
}

function move(desk, state, event) {
  if (event.pointerType !== 'touch') desk.ring.show(event);
  const before = state.pointers.get(event.pointerId);
  if (!before) { desk.hover(event); return; }
  if (state.pointers.size === 2) pinch(desk, state, before, event);
  state.pointers.set(event.pointerId, event);
  if (!state.tool || state.pointers.size > 1) return;
  for (const part of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
    const point = pointOf(desk, part);
    state.tool.move?.(desk, point, state.last);
    state.last = point;
  }
}

function up(desk, state, event, finished) {
  if (!state.pointers.delete(event.pointerId) || !state.tool) return;
  if (!finished) { abandon(desk, state); return; }
  const { tool } = state;
  state.tool = null;
  tool.end?.(desk);
}

/** What the tool has begun was not meant. */
function abandon(desk, state) {
  if (!state.tool) return;
  state.tool.abandon?.(desk);
  state.tool = null;
  desk.board.abandon();
  desk.marks.clear();
}

/** Two fingers: what lies between them stays between them. */
function pinch(desk, state, before, now) {
  const other = [...state.pointers.values()].find((event) => event.pointerId !== now.pointerId);
  const distance = (a) => Math.max(1, Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY));
  desk.view.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
  const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
  desk.view.zoomAt(middle, distance(now) / distance(before));
}

function wheel(desk, event) {
  event.preventDefault();
  const way = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
  if (event.altKey) desk.choose({ size: desk.options.size * 2 ** (-way * WHEEL) });
  else if (event.shiftKey) desk.view.pan(-way - event.deltaX, 0);
  else desk.view.zoomAt(event, 2 ** (-way * WHEEL * (event.ctrlKey ? 6 : 1)));
}

function pointOf(desk, event) {
  const { x, y } = desk.view.toBoard(event);
  const pressure = event.pointerType === 'pen' ? Math.max(0.05, event.pressure) : 1;
  return { x, y, radius: Math.max(0.5, (desk.options.size / 2) * pressure), event };
}
