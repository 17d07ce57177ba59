// Where the board is on the screen: zoom, pan, turn and mirror; and drawing what changed of it.

import { isFramed, outerOf } from './frame.js';

const MOST = 64; // screen pixels a pixel
const LEAST = 0.02;
const MARGIN = 24;

export class View {
  constructor(element, board) {
    Object.assign(this, { element, board, over: null, overAt: null, angle: 0, mirrored: false, free: false, layerAlpha: 1 });
    this.context = element.getContext('2d', { alpha: false });
    this.matrix = new DOMMatrix();
    this.inverse = new DOMMatrix();
    this.box = null;
    this.dirty = null;
    this.frame = 0;
    this.onmove = () => {};
    board.ondraw = (rect) => this.invalidate(rect);
    new ResizeObserver(() => this.resize()).observe(element.parentElement);
    this.resize();
  }

  get scale() { return Math.hypot(this.matrix.a, this.matrix.b) / this.ratio; }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.element.parentElement;
    if (!width || !height) return;
    this.ratio = window.devicePixelRatio || 1;
    Object.assign(this.element, { width: Math.round(width * this.ratio), height: Math.round(height * this.ratio) });
    Object.assign(this.element.style, { width: `${width}px`, height: `${height}px` });
    if (!this.free) this.fit(); else this.moved();
  }

  /** The whole board and its frame as large as they fit. */
  fit() {
    this.free = false;
    const { width, height } = outerOf(this.board);
    const turned = new DOMMatrix().rotate(this.angle);
    const wide = Math.abs(turned.a) * width + Math.abs(turned.c) * height;
    const high = Math.abs(turned.b) * width + Math.abs(turned.d) * height;
    const margin = MARGIN * this.ratio;
    const scale = Math.max(LEAST, Math.min((this.element.width - 2 * margin) / wide, (this.element.height - 2 * margin) / high));
    this.place(this.element.width / 2, this.element.height / 2, scale);
  }

  /** The middle of board and frame at a point of the element, in its own pixels. */
  place(x, y, scale) {
    const { left, top, right, bottom } = outerOf(this.board);
    this.matrix = new DOMMatrix().translate(x, y).rotate(this.angle)
      .scale(this.mirrored ? -scale : scale, scale).translate(-(left + right) / 2, -(top + bottom) / 2);
    this.moved();
  }

  /** Enlarge by a factor, with what is under a point of the window staying there. */
  zoomAt(event, factor) {
    const wanted = Math.min(MOST * this.ratio, Math.max(LEAST, this.scale * this.ratio * factor)) / (this.scale * this.ratio);
    const { x, y } = this.inElement(event);
    this.matrix = new DOMMatrix().translate(x, y).scale(wanted).translate(-x, -y).multiply(this.matrix);
    this.free = true;
    this.moved();
  }

  /** Move by pixels of the window. */
  pan(dx, dy) {
    this.matrix = new DOMMatrix().translate(dx * this.ratio, dy * this.ratio).multiply(this.matrix);
    this.free = true;
    this.moved();
  }

  turn(degrees) { this.angle = (this.angle + degrees) % 360; this.fit(); }
  mirror() { this.mirrored = !this.mirrored; this.fit(); }

  /** The board's own place of a point of the window, in its pixels with fractions. */
  toBoard(event) {
    return this.inverse.transformPoint(this.inElement(event));
  }

  /** A point of the board in the element, in CSS pixels. */
  toScreen(x, y) {
    const { x: left, y: top } = this.matrix.transformPoint({ x, y });
    return { x: left / this.ratio, y: top / this.ratio };
  }

  inElement({ clientX, clientY }) {
    const box = this.bounds();
    return { x: (clientX - box.left) * this.ratio, y: (clientY - box.top) * this.ratio };
  }

  /** Where the element is in the window: measured once a frame, for measuring is slow. */
  bounds() {
    this.frame ||= requestAnimationFrame(() => this.draw());
    return (this.box ??= this.element.getBoundingClientRect());
  }

  moved() {
    this.inverse = this.matrix.inverse();
    this.invalidate(null);
    this.onmove();
  }

  /** Draw a rectangle of the board anew in the next frame; null means everything. */
  invalidate(rect) {
    const all = { left: 0, top: 0, right: this.element.width, bottom: this.element.height };
    const part = rect ? this.onScreen(rect) : all;
    const old = this.dirty;
    this.dirty = old ? { left: Math.min(old.left, part.left), top: Math.min(old.top, part.top), right: Math.max(old.right, part.right), bottom: Math.max(old.bottom, part.bottom) } : part;
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  onScreen({ left, top, right, bottom }) {
    const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(([x, y]) => this.matrix.transformPoint({ x, y }));
    const [xs, ys] = [corners.map((p) => p.x), corners.map((p) => p.y)];
    return { left: Math.floor(Math.min(...xs)) - 2, top: Math.floor(Math.min(...ys)) - 2, right: Math.ceil(Math.max(...xs)) + 2, bottom: Math.ceil(Math.max(...ys)) + 2 };
  }

  draw() {
    this.frame = 0;
    this.box = null;
    this.board.flush();
    const { context, board, dirty, matrix } = this;
    this.dirty = null;
    if (!dirty) return;
    context.save();
    context.beginPath();
    context.rect(dirty.left, dirty.top, dirty.right - dirty.left, dirty.bottom - dirty.top);
    context.clip();
    context.fillStyle = this.mat ??= getComputedStyle(this.element).getPropertyValue('--ez-mat') || '#888';
    context.fillRect(dirty.left, dirty.top, dirty.right - dirty.left, dirty.bottom - dirty.top);
    context.setTransform(matrix);
    context.imageSmoothingEnabled = this.scale < 3;
    if (board.kind === 'mask' && board.picture) this.paper();
    if (this.over) this.drawOver();
    else if (board.picture) {
      context.drawImage(board.picture, 0, 0, board.width, board.height);
      if (isFramed(board.frame)) this.drawFrame();
    }
    context.globalAlpha = this.over ? 0 : this.layerAlpha;
    if (context.globalAlpha) context.drawImage(board.layer.canvas, 0, 0);
    context.restore();
  }

  /** What is staged, where it belongs: over the board, or over board and frame. */
  drawOver() {
    const { left, top, width, height } = this.overAt ?? { left: 0, top: 0, width: this.board.width, height: this.board.height };
    this.context.drawImage(this.over, left, top, width, height);
  }

  /** The frame that will be drawn: tinted as a mask is, with a line around it. */
  drawFrame() {
    const { context, board } = this;
    const { left, top, right, bottom, width, height } = outerOf(board);
    const line = 1 / this.scale; // a pixel of the window
    context.beginPath();
    context.rect(left, top, width, height);
    context.rect(0, 0, board.width, board.height);
    context.fillStyle = 'rgb(240 60 110 / 0.35)';
    context.fill('evenodd');
    for (const [colour, dash] of [['#000000b0', []], ['#ffffff', [6 * line, 6 * line]]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: line * 1.5 });
      context.setLineDash(dash);
      context.strokeRect(left, top, right - left, bottom - top);
    }
  }

  /** What shines through where a picture is see-through. */
  paper() {
    this.context.fillStyle = '#ffffff';
    this.context.fillRect(0, 0, this.board.width, this.board.height);
  }

  /** Colours have changed: the theme. */
  restyle() {
    this.mat = null;
    this.invalidate(null);
  }
}
