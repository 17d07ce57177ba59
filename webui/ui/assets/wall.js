// Tiles in rows, of which only those near what is in sight are in the page, however many there are.

import { make, reconcile } from './dom.js';

export const GAP = 8; // between tiles, in pixels
const LINE = 32; // height of words between two rows
const BEYOND = 600; // above and below what is in sight, in pixels

/** How many tiles of this width or more, in pixels, a row has; `least` of them where it is narrower. */
export const columnsOf = (tile, least = 1) => (width) => ({ columns: Math.max(least, Math.floor((width + GAP) / (tile + GAP))), gap: GAP });

export class Wall {
  /**
   * `create(item)` makes the element of a tile, `update(element, item)` brings it up to date. `shape(width)` gives a row's
   * { columns, gap }, `beneath` is by how much a tile is higher than wide, `keyOf(item)` tells items apart; `line(item, before)` is
   * what stands between two: words, '' for an empty line, null for nothing.
   */
  constructor(create, update, { shape, beneath = 0, keyOf = ({ id }) => id, line = () => null }) {
    Object.assign(this, { create, update, shape, beneath, keyOf, line, items: [], rows: [], at: new Map(), columns: 1, gap: GAP, side: 0, wanted: null });
    this.element = make('div', { className: 'ez-wall' });
    this.element.addEventListener('keydown', (event) => this.walk(event));
    document.addEventListener('scroll', () => this.soon(), { capture: true, passive: true });
    new ResizeObserver(() => this.lay()).observe(this.element);
  }

  /** Show these items, in this order. */
  show(items) {
    this.items = items;
    this.lay();
  }

  /** Sort everything into rows; takes some milliseconds for a hundred thousand. */
  lay() {
    const width = this.element.clientWidth;
    if (!width) return;
    Object.assign(this, this.shape(width));
    this.side = (width - this.gap * (this.columns - 1)) / this.columns;
    this.rows = [];
    this.at = new Map();
    let top = 0;
    this.items.forEach((item, index) => {
      this.at.set(this.keyOf(item), index);
      const said = this.line(item, this.items[index - 1]);
      const last = this.rows.at(-1);
      if (said === null && last && index - last.from < this.columns) return;
      const head = said === null ? 0 : said ? LINE : LINE / 2;
      this.rows.push({ top, head, said, from: index });
      top += head + this.side + this.beneath + this.gap;
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
    const held = [this.wanted, document.activeElement?.closest('.ez-wall > *')?.dataset.key].map((key) => this.at.get(key)).filter((index) => index !== undefined);
    const rows = new Set(this.rows.slice(first, last + 1).map((_, i) => first + i));
    for (const index of held) rows.add(this.rowAt('from', index)); // who holds the focus keeps it
    const seen = [...rows].sort((a, b) => a - b).flatMap((row) => this.row(row));
    reconcile(this.element, seen, ({ item, said }) => (item ? this.create(item) : make('p', { className: 'ez-wall-line', textContent: said })), (element, { item, style }) => {
      element.style.cssText = style;
      if (item) this.update(element, item);
    });
  }

  /** What stands in a row, and where. */
  row(number) {
    const { top, head, said, from } = this.rows[number];
    const to = this.rows[number + 1]?.from ?? this.items.length;
    const tiles = this.items.slice(from, to).map((item, i) => ({
      key: this.keyOf(item), item, style: `width:${this.side}px;height:${this.side + this.beneath}px;transform:translate(${i * (this.side + this.gap)}px,${top + head}px)`,
    }));
    return head ? [{ key: `before ${tiles[0].key}`, said, style: `height:${head}px;transform:translateY(${top}px)` }, ...tiles] : tiles;
  }

  /** The last row that begins at a height or before, `top`, or with an item or before, `from`; the first where none does. */
  rowAt(what, where) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.rows[middle][what] <= where) low = middle; else high = middle - 1;
    }
    return low;
  }

  /** The element of an item, brought into sight; none where that is not on the wall. */
  reveal(item) {
    const key = this.keyOf(item);
    if (!this.at.has(key)) return null;
    this.wanted = key;
    this.draw();
    this.wanted = null;
    const element = this.element.querySelector(`[data-key="${CSS.escape(key)}"]`);
    element?.scrollIntoView({ block: 'nearest' });
    return element;
  }

  /** Bring an item into sight, and the keyboard to it. */
  focus(item) {
    const element = this.reveal(item);
    (element?.matches('button') ? element : element?.querySelector('button'))?.focus({ preventScroll: true });
  }

  /** Arrows go from tile to tile. */
  walk(event) {
    const index = this.at.get(event.target.closest('.ez-wall > *')?.dataset.key);
    const last = this.items.length - 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -index, End: last - index }[event.key];
    if (index === undefined || step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.focus(this.items[Math.min(last, Math.max(0, index + step))]);
  }
}
