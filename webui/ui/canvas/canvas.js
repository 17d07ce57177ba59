// The canvas: the desk that holds board, view, tools and bar together, one for each painting tab.

import { make } from '../dom.js';
import { fill, isThere, restored, values } from '../form.js';
import { models } from '../models.js';
import { settleFirst } from '../settled.js';
import { Board } from './board.js';
import { candidates } from './candidates.js';
import { Cursor } from './cursor.js';
import { choose, listenForFiles, nearestClass, pixelData, sameColours, takeMap, takePicture } from './files.js';
import { frameHandles } from './frame.js';
import { Keeping } from './keeping.js';
import { listenForKeys } from './keys.js';
import { Layer, classLook, maskLook } from './layer.js';
import { legend } from './legend.js';
import { boxMarks, brushRing, outline } from './marks.js';
import { MODELS_OWN, paletteOf } from './palettes.js';
import { listenForPointers } from './pointer.js';
import { Sources } from './sources.js';
import { SIZES, toolbar } from './toolbar.js';
import { TOOLS } from './tools.js';
import { View } from './view.js';

const MASK_COLOUR = [240, 60, 110];
const BLANK = 512;
const ANSWER_MS = 5000; // within which the form has the size of what came
const TOOLS_OF = {
  mask: ['brush', 'eraser', 'lasso', 'rectangle', 'fill', 'colour', 'dropper', 'frame', 'hand'],
  classes: ['brush', 'lasso', 'rectangle', 'fill', 'pick', 'box', 'hand'],
};

const desks = new Map();

/** Build a tab's canvas. `kind` is 'mask' or 'classes'; the rest is what is painted first, and `others` what else can be (see `Sources`). */
export function mount({ element }, { tab, kind, others, ...first }) {
  const desk = new Desk(element.querySelector('.ez-canvas'), tab, kind, [first, ...others]);
  desks.set(tab, desk);
  settleFirst(tab, () => desk.settled());
}

/** A tab's canvas, for tests and for the console. */
export const deskOf = (tab) => desks.get(tab);

class Desk {
  constructor(root, tab, kind, all) {
    const [{ slots, palette, noun }] = all;
    Object.assign(this, { root, tab, kind, palette, noun, layout: false, mixed: false, spaceHeld: false, working: 0, classes: palette.map(({ name }) => name) });
    this.look = kind === 'classes' ? palette.map(({ colour }) => colour) : null;
    this.options = { tool: 'brush', size: kind === 'mask' ? 48 : 24, softness: 0, tolerance: 16, value: 0, colour: [216, 68, 60] };
    this.tools = TOOLS_OF[kind];
    this.board = new Board(kind, new Layer(BLANK, BLANK, this.colours()));
    this.sources = all.length > 1 ? new Sources(this, all) : null;
    this.build();
    this.board.onchange = () => { this.keeping.changed(); this.render(); };
    this.board.onedit = () => { if (!this.keeping.restoring) this.tell(true); };
    this.board.onlaid = () => this.tell(false);
    this.keeping = new Keeping(this, tab, slots);
    listenForPointers(this);
    listenForKeys(this);
    listenForFiles(this, (file) => this.take(file));
    document.addEventListener('easel:form', ({ detail }) => { if (detail.tab === tab && kind === 'classes') this.follow(detail.values); });
    if (kind === 'classes' && values(tab).model) this.follow(values(tab)); // what was kept came before
    document.addEventListener('easel:palette', () => this.follow(this.followed ?? {}));
    document.addEventListener('easel:tab', ({ detail }) => { if (detail.tab === tab) this.view.resize(); });
    new MutationObserver(() => this.view.restyle()).observe(document.body, { attributes: true, attributeFilter: ['class'] });
    this.render();
    this.hasBegun = false;
    this.begun = this.begin(); // resolved when the tab was opened and what was kept is there
  }

  async begin() {
    await restored(this.tab);
    await this.keeping.restore();
    this.hasBegun = true;
    this.render();
  }

  /** Tell others what happens on the canvas: a change that is finished, or one that goes on. */
  tell(finished) { document.dispatchEvent(new CustomEvent('easel:canvas', { detail: { tab: this.tab, finished } })); }

  /** How a number on the layer looks. */
  colours() { return this.look ? classLook(this.look) : maskLook(MASK_COLOUR); }

  build() {
    const canvas = make('canvas', { 'aria-hidden': 'true' });
    this.surface = make('div', { className: 'ez-canvas-surface', tabIndex: 0, role: 'application', 'aria-label': this.said() }, canvas);
    this.invitation = this.kind === 'mask' ? make('button', { type: 'button', className: 'ez-canvas-invitation', onclick: () => choose('image/*', (file) => this.take(file)) }, make('span', { textContent: 'Drop, paste or choose a picture' })) : null;
    this.stand = make('div', { className: 'ez-canvas-stand' }, this.surface);
    this.view = new View(canvas, this.board);
    this.marks = outline(this.view);
    this.ring = brushRing(this);
    this.boxes = boxMarks(this);
    this.cursor = new Cursor(this);
    this.surface.append(this.marks.svg, this.ring.element, this.cursor.element);
    this.stand.append(this.boxes.holder);
    if (this.invitation) this.stand.append(this.invitation);
    this.bar = toolbar(this);
    this.root.append(this.bar.bar);
    if (this.kind === 'classes') {
      this.legend = legend(this);
      this.root.append(this.legend.holder);
      this.stand.append(this.legend.said);
    } else {
      this.staged = candidates(this);
      this.frame = frameHandles(this);
      this.stand.append(this.frame.holder, this.staged.bar);
    }
    this.root.append(this.stand, this.cursor.said);
    this.view.onmove = () => { this.boxes.render(); this.frame?.render(); this.cursor.render(); };
    this.view.resize();
  }

  /** What the surface is for, in words. */
  said() { return `${this.kind === 'mask' ? 'Mask: paint where the picture is to be redrawn.' : `Paint what shall be where, a ${this.noun} at a time.`} Arrows move a cursor, Enter paints. Press ? for shortcuts.`; }

  /** What is at a pixel of the board, in words. */
  under(x, y) {
    const value = this.board.layer.data[y * this.board.width + x];
    if (this.kind === 'classes') return this.classes[value] ?? '';
    return value === 0 ? 'not masked' : value === 255 ? 'masked' : `masked to ${Math.round(value / 2.55)} %`;
  }

  /** Why one cannot paint now, in words. */
  refusal() { return this.view.over ? 'A candidate is shown; press Escape for the picture.' : this.isBusy() ? 'The canvas is busy.' : 'There is no picture yet. Bring one in first.'; }

  /** Something else is painted from now on: its buttons and colours. */
  anew() {
    const before = this.bar.bar;
    this.bar = toolbar(this);
    before.replaceWith(this.bar.bar);
    this.surface.setAttribute('aria-label', this.said());
    this.redraw();
    document.dispatchEvent(new CustomEvent('easel:classes'));
  }

  /** Whether one can paint: in a mask only over a picture, and not under a candidate. */
  ready() { return (this.kind === 'classes' || !!this.board.picture) && !this.view.over && !this.isBusy(); }
  isBusy() { return this.working > 0 || !this.hasBegun; }

  /** What the present tool paints. */
  value() { return this.kind === 'mask' ? 255 : this.options.value; }
  label() { return this.classes[this.options.value]; }
  colourOf(label) { return `rgb(${(this.palette.find(({ name }) => name === label)?.colour ?? [128, 128, 128]).join(' ')})`; }

  /** Red, green, blue and alpha of the picture at the board's size; kept until the picture changes. */
  pictureData() {
    const { picture, version, width, height } = this.board;
    if (!picture) return null;
    if (this.read?.picture !== picture || this.read.version !== version) this.read = { picture, version, pixels: pixelData(picture, width, height) };
    return this.read.pixels;
  }

  /** Change the tool, the brush or the class. */
  choose(change) {
    if (change.tool && change.tool !== this.options.tool) this.cursor.lift();
    Object.assign(this.options, change);
    this.options.size = Math.min(SIZES.most, Math.max(SIZES.least, this.options.size));
    this.render();
    const { tool, size, value } = change;
    this.cursor.say([tool && TOOLS[tool].title, size && `${Math.round(this.options.size)} pixels`, value !== undefined && this.label()].filter(Boolean).join(', '));
  }

  async take(file) {
    await this.begun;
    await this.keeping.bringing; // else what the form names would take its place
    await (this.kind === 'mask' ? takePicture(this, file) : takeMap(this, file));
  }

  undo() { this.step('past', 'Undone', 'undo'); }
  redo() { this.step('future', 'Redone', 'redo'); }

  /** Go a step through the history, and say which; the form's size goes along with a map's. */
  step(where, done, way) {
    if (this.board.edited) return;
    const title = this.board.history[where].at(-1)?.title;
    const { width, height } = this.board;
    this.board[way]();
    if (this.board.width !== width || this.board.height !== height) {
      if (!this.view.free) this.view.fit();
      this.tellSize(true);
    }
    this.cursor.say(title ? `${done}: ${title}` : `Nothing to ${way}`);
  }

  zoom(factor) {
    const box = this.surface.getBoundingClientRect();
    this.view.zoomAt({ clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 }, factor);
  }

  holdSpace(held) {
    this.spaceHeld = held;
    this.surface.dataset.tool = held ? 'hand' : this.options.tool;
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen(); else this.root.requestFullscreen?.();
  }

  busy(on) {
    this.working += on ? 1 : -1;
    this.root.dataset.busy = this.working > 0;
    if (!this.working) this.root.dispatchEvent(new Event('ez-idle'));
  }

  /** Resolves when nothing is on its way onto the board. */
  async idle() {
    while (this.working) await new Promise((done) => { this.root.addEventListener('ez-idle', done, { once: true }); });
  }

  hover(event) {
    if (!this.legend) return;
    const { x, y } = this.view.toBoard(event);
    const inside = x >= 0 && y >= 0 && x < this.board.width && y < this.board.height;
    this.legend.say(inside && !this.layout ? this.board.layer.data[Math.floor(y) * this.board.width + Math.floor(x)] : null);
  }

  /** Something came from outside: show all of it, and let the form's size follow a map's. */
  arrived() {
    this.view.fit();
    this.render();
    this.tellSize();
  }

  /** Have the form ask for the map's size; one that was there before (`again`) may have been the model's own. */
  tellSize(again = false) {
    if (this.kind !== 'classes') return;
    const wanted = [this.board.width, this.board.height].map((side) => Math.min(4096, Math.max(64, Math.round(side / 8) * 8)));
    this.size = null;
    this.awaited = { size: wanted.join(), until: Date.now() + ANSWER_MS };
    const [width, height] = again && wanted.join() === this.native ? [null, null] : wanted;
    fill(this.tab, { width, height });
  }

  /** Resolves when the board is what the form asks for, and the server has it. */
  async settled() {
    if (isThere(this.tab)) await this.begun;
    await this.idle(); // a file that was dropped is what is meant
    await this.following;
    await this.sources?.switching;
    await this.keeping.settled();
  }

  /** The map has the size of the picture that is asked for, and the classes of the model. */
  follow(form) { return (this.following = this.fit(form)); }

  async fit(form) {
    const { model: id, width, height, map_palette: chosen } = this.followed = form;
    const model = (await models()).find((one) => one.id === id);
    if (!model || this.followed !== form) return; // another was chosen meanwhile
    if (this.sources?.only(model.task === 'semantic' ? 'class' : null)) return; // what is used now follows by itself
    this.layout = model.task === 'layout';
    this.mixed = this.noun === 'class' && !['semantic', 'layout'].includes(model.task); // maps and boxes become regions
    if (!this.mixed && TOOLS[this.options.tool].kind === 'boxes' !== this.layout && this.options.tool !== 'hand') this.options.tool = this.layout ? 'box' : 'brush';
    if (this.noun === 'class') {
      const palette = await paletteOf(this.mixed ? chosen ?? MODELS_OWN : MODELS_OWN, id);
      if (this.followed !== form) return;
      this.paintWith(palette);
    }
    this.native = [model.native_width, model.native_height].join();
    const wanted = [width ?? model.native_width, height ?? model.native_height];
    if (this.awaited?.size === wanted.join() || this.awaited?.until < Date.now()) this.awaited = null;
    if (this.awaited) { this.render(); return; } // the form's size from before a map came, which would be scaled to it and back
    if (!this.keeping.restoring && this.size !== wanted.join() && (wanted[0] !== this.board.width || wanted[1] !== this.board.height)) {
      this.board.become({ width: wanted[0], height: wanted[1] }, this.size ? 'Size' : null);
      this.view.fit();
    }
    this.size = wanted.join();
    this.render();
  }

  /** Take other classes; what is painted keeps its names where they have them too. */
  paintWith(palette) {
    if (!palette || JSON.stringify(palette) === JSON.stringify(this.palette)) return;
    const colours = palette.map(({ colour }) => colour);
    const places = this.palette.map(({ name, colour }) => { const at = palette.findIndex((entry) => entry.name === name); return at < 0 ? nearestClass(colour, colours).index : at; });
    const brought = this.keeping.colours && sameColours(this.keeping.colours, colours);
    const same = brought || this.classes.every((name, value) => palette[value]?.name === name);
    Object.assign(this, { palette, classes: palette.map(({ name }) => name), look: colours });
    this.options.value = Math.min(this.options.value, palette.length - 1);
    this.board.layer.colour(this.colours());
    this.keeping.stored = null; // its colours are others
    if (same) { this.board.layer.show(this.board.layer.whole()); this.keeping.changed(); } else this.board.become({ data: this.board.layer.data.map((value) => places[value] ?? 0) }, 'Palette');
    this.redraw();
    document.dispatchEvent(new CustomEvent('easel:classes'));
  }

  redraw() {
    this.view.invalidate(null);
    this.render();
  }

  render() {
    this.bar.render();
    this.legend?.render();
    this.staged?.render();
    this.boxes.render();
    this.frame?.render();
    this.cursor.render();
    // Under colours that are painted the mask is only hinted at.
    this.view.layerAlpha = this.layout ? 0.15 : TOOLS[this.options.tool].kind === 'sketch' ? 0.25 : 1;
    this.holdSpace(this.spaceHeld);
    if (this.invitation) this.invitation.hidden = !!this.board.picture;
    this.root.dataset.layout = this.layout;
  }
}
