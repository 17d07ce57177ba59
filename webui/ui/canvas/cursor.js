// Painting without a pointer: arrows move a cursor, Enter or a held Space puts the tool down at it, and what there is
// and what happens is said to those who do not see it.

import { make } from '../dom.js';
import { TOOLS } from './tools.js';

const STEP = 4; // pixels of the window for each press of an arrow, a pixel of the board at least
const FAST = 16; // the same while it is held
const MARGIN = 24; // the view follows a cursor that comes so near to its side
const LEAST_RING = 14;
const MOVE = ['hand', 'frame']; // tools with which arrows move the view
const QUIET_MS = 250; // where the cursor is, is said once it stands still

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Cursor {
  constructor(desk) {
    Object.assign(this, { desk, at: null, tool: null, bySpace: false, timer: 0 });
    this.element = make('i', { className: 'ez-canvas-cursor', hidden: true, 'aria-hidden': 'true' });
    this.said = make('span', { className: 'ez-canvas-said', role: 'status' });
    desk.surface.addEventListener('blur', () => this.lift());
  }

  /** Do what a key on the canvas means to the cursor; whether it meant something. */
  take({ key, shiftKey, repeat }) {
    const way = WAYS[key];
    if (way && (shiftKey || this.desk.view.over || MOVE.includes(this.desk.options.tool))) this.desk.view.pan(-40 * way[0], -40 * way[1]);
    else if (way) this.move(way, repeat);
    else if (key === 'Enter') { if (!repeat) this.toggle(); }
    else if (key === ' ' && this.at) { if (!repeat && !this.tool) this.bySpace = this.down(); }
    else if (key === 'Escape' && this.tool) this.drop();
    else return false;
    return true;
  }

  /** A key came up: a tool that Space held down is lifted. */
  release(key) {
    if (key === ' ' && this.bySpace) this.lift();
  }

  move([dx, dy], fast) {
    const { view, board } = this.desk;
    if (!this.at) { this.appear(); return; }
    const here = view.toScreen(this.at.x, this.at.y);
    const step = Math.max(view.scale, fast ? FAST : STEP);
    const box = view.bounds();
    const { x, y } = view.toBoard({ clientX: box.left + here.x + dx * step, clientY: box.top + here.y + dy * step });
    const before = this.point();
    this.at = { x: middle(x, board.width), y: middle(y, board.height) };
    this.follow();
    this.render();
    if (this.tool) this.tool.move?.(this.desk, this.point(), before);
    this.sayWhere();
  }

  /** Show the cursor in the middle of what is seen. */
  appear() {
    const { view, board, surface } = this.desk;
    const box = surface.getBoundingClientRect();
    const { x, y } = view.toBoard({ clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 });
    this.at = { x: middle(x, board.width), y: middle(y, board.height) };
    this.follow();
    this.render();
    this.sayWhere();
  }

  toggle() {
    if (!this.at) this.appear();
    else if (this.tool) this.lift();
    else this.down();
  }

  /** Put the tool down; whether it is down then. */
  down() {
    const { desk } = this;
    const tool = TOOLS[desk.options.tool];
    if (!desk.ready()) { this.say(desk.refusal()); return false; }
    if (desk.board.edited) return false; // a pointer is at work
    tool.begin(desk, this.point());
    if (tool.instant) { tool.end?.(desk); this.sayWhere(tool.title); return false; }
    this.tool = tool;
    this.say(`${tool.title} down`);
    return true;
  }

  /** Lift the tool: what it did is one step of the history. */
  lift() {
    const { tool } = this;
    Object.assign(this, { tool: null, bySpace: false });
    if (!tool) return;
    tool.end?.(this.desk);
    this.say(`${tool.title} up`);
  }

  /** Take back what the tool has begun. */
  drop() {
    const { tool, desk } = this;
    Object.assign(this, { tool: null, bySpace: false });
    tool.abandon?.(desk);
    desk.board.abandon();
    desk.marks.clear();
    this.say(`${tool.title} taken back`);
  }

  /** A pointer paints from now on. */
  leave() {
    this.lift();
    this.at = null;
    this.render();
  }

  point() {
    const { x, y } = this.at;
    const [{ left, top }, there] = [this.desk.view.bounds(), this.desk.view.toScreen(x, y)];
    return { x, y, radius: Math.max(0.5, this.desk.options.size / 2), event: { clientX: left + there.x, clientY: top + there.y } };
  }

  /** Bring the cursor into the view where it has left it. */
  follow() {
    const { view, surface } = this.desk;
    const there = view.toScreen(this.at.x, this.at.y);
    const by = (place, length) => Math.max(0, MARGIN - place) - Math.max(0, place - (length - MARGIN));
    const [dx, dy] = [by(there.x, surface.clientWidth), by(there.y, surface.clientHeight)];
    if (dx || dy) view.pan(dx, dy);
  }

  render() {
    this.element.hidden = !this.at;
    if (!this.at) return;
    const { view, options } = this.desk;
    const { x, y } = view.toScreen(Math.min(this.at.x, this.desk.board.width), Math.min(this.at.y, this.desk.board.height));
    const size = TOOLS[options.tool].round ? Math.max(LEAST_RING, options.size * view.scale) : LEAST_RING;
    this.element.style.width = this.element.style.height = `${size}px`;
    this.element.style.transform = `translate(${x - size / 2}px, ${y - size / 2}px)`;
  }

  say(text) {
    clearTimeout(this.timer);
    this.said.textContent = text;
  }

  /** Say, as soon as the cursor stands still, where it is and what is there. */
  sayWhere(first = '') {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.at) return;
      const [x, y] = [Math.floor(this.at.x), Math.floor(this.at.y)];
      this.say([first, `${x}, ${y}`, this.desk.under(x, y)].filter(Boolean).join(': '));
    }, QUIET_MS);
  }
}

/** The middle of the pixel that is nearest to a place. */
const middle = (place, length) => Math.min(length - 1, Math.max(0, Math.floor(place))) + 0.5;
