// Pictures as square tiles in rows, of which only those near what is in sight are in the page, however many there are.

import { make, reconcile } from './dom.js';

const [LEAST, GAP] = [160, 8]; // of a tile's side, and between tiles, in pixels
const [NARROW, FEW, SMALL_GAP] = [560, 3, 4]; // on a telephone: so wide at most, so many in a row
const LINE = 32; // height of what stands before a batch
const BEYOND = 600; // above and below what is in sight, in pixels

export class Wall {
  /** `create(picture)` makes the element of a tile, `update(element, picture)` brings it up to date; `line(picture, before)` is what stands between two pictures: words, '' for an empty line, null for nothing. */
  constructor(create, update, line) {
    Object.assign(this, { create, update, line, pictures: [], rows: [], at: new Map(), columns: 1, side: LEAST, gap: GAP, wanted: null });
    this.element = make('div', { className: 'ez-wall' });
    this.element.addEventListener('keydown', (event) => this.walk(event));
    document.addEventListener('scroll', () => this.soon(), { capture: true, passive: true });
    new ResizeObserver(() => this.lay()).observe(this.element);
  }

  /** Show these pictures, in this order. */
  show(pictures) {
    this.pictures = pictures;
    this.lay();
  }

  /** Sort everything into rows; takes some milliseconds for a hundred thousand. */
  lay() {
    const width = this.element.clientWidth;
    if (!width) return;
    const narrow = width <= NARROW;
    this.gap = narrow ? SMALL_GAP : GAP;
    this.columns = narrow ? FEW : Math.max(1, Math.floor((width + GAP) / (LEAST + GAP)));
    this.side = (width - this.gap * (this.columns - 1)) / this.columns;
    this.rows = [];
    this.at = new Map();
    let top = 0;
    this.pictures.forEach((picture, index) => {
      this.at.set(picture.id, index);
      const said = this.line(picture, this.pictures[index - 1]);
      const last = this.rows.at(-1);
      if (said === null && last && index - last.from < this.columns) return;
      const head = said === null ? 0 : said ? LINE : LINE / 2;
      this.rows.push({ top, head, said, from: index });
      top += head + this.side + this.gap;
    });
    this.element.style.height = `${Math.max(0, top - this.gap)}px`;
    this.draw();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    const box = this.element.getBoundingClientRect();
    if (!box.width) return;
    const [first, last] = [this.rowAt('top', -box.top - BEYOND), this.rowAt('top', innerHeight - box.top + BEYOND)];
    const held = [this.wanted, document.activeElement?.closest('.ez-wall > *')?.dataset.key].map((id) => this.at.get(id)).filter((index) => index !== undefined);
    const rows = new Set([...this.rows.keys()].slice(first, last + 1));
    for (const index of held) rows.add(this.rowAt('from', index)); // who holds the focus keeps it
    const seen = [...rows].sort((a, b) => a - b).flatMap((row) => this.row(row));
    reconcile(this.element, seen, ({ picture, said }) => (picture ? this.create(picture) : make('p', { className: 'ez-wall-batch', textContent: said })), (element, item) => {
      element.style.cssText = item.style;
      if (item.picture) this.update(element, item.picture);
    });
  }

  /** What stands in a row, and where. */
  row(number) {
    const { top, head, said, from } = this.rows[number];
    const to = this.rows[number + 1]?.from ?? this.pictures.length;
    const tiles = this.pictures.slice(from, to).map((picture, i) => ({
      key: picture.id, picture, style: `width:${this.side}px;height:${this.side}px;transform:translate(${i * (this.side + this.gap)}px,${top + head}px)`,
    }));
    return head ? [{ key: `before-${this.pictures[from].id}`, said, style: `height:${head}px;transform:translateY(${top}px)` }, ...tiles] : tiles;
  }

  /** The last row that begins at a height or before, `top`, or with a picture or before, `from`; the first where none does. */
  rowAt(what, where) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.rows[middle][what] <= where) low = middle; else high = middle - 1;
    }
    return low;
  }

  /** The element of a picture, brought into sight; none where the picture is not on the wall. */
  reveal(picture) {
    if (!this.at.has(picture.id)) return null;
    this.wanted = picture.id;
    this.draw();
    this.wanted = null;
    const element = this.element.querySelector(`[data-key="${CSS.escape(picture.id)}"]`);
    element?.scrollIntoView({ block: 'nearest' });
    return element;
  }

  /** Arrows go from tile to tile. */
  walk(event) {
    const index = this.at.get(event.target.closest('.ez-wall > *')?.dataset.key);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -index, End: this.pictures.length - 1 - index }[event.key];
    if (index === undefined || step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = this.pictures[Math.min(this.pictures.length - 1, Math.max(0, index + step))];
    this.reveal(next)?.querySelector('button').focus({ preventScroll: true });
  }
}
