// A grid of thousands of cards of which only those in view are in the page.

import { make, reconcile } from '../dom.js';

const LEAST_WIDTH = 168;
const TEXT_HEIGHT = 80;
const GAP = 8;
const ROWS_BEYOND = 2;

export class Grid {
  /** `create(item)` makes a card, `update(card, item)` brings it up to date. */
  constructor(create, update) {
    Object.assign(this, { create, update, items: [], columns: 1 });
    this.inner = make('div', { className: 'ez-library-inner', role: 'list' });
    this.element = make('div', { className: 'ez-library-grid', tabIndex: 0, 'aria-label': 'Installed models' }, this.inner);
    this.element.addEventListener('scroll', () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(this.element);
  }

  /** Show these items, each with a `key`, from the top or from where it was. */
  show(items, fromTop = false) {
    this.items = items;
    if (fromTop) this.element.scrollTop = 0;
    this.draw();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    const width = this.inner.clientWidth;
    if (width <= 0) return;
    const columns = Math.max(2, Math.floor((width + GAP) / (LEAST_WIDTH + GAP)));
    const side = (width - GAP * (columns - 1)) / columns;
    const height = side + TEXT_HEIGHT + GAP;
    this.inner.style.height = `${Math.ceil(this.items.length / columns) * height}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / height) - ROWS_BEYOND);
    const last = Math.ceil((this.element.scrollTop + this.element.clientHeight) / height) + ROWS_BEYOND;
    const seen = this.items.slice(first * columns, last * columns)
      .map((item, i) => ({ key: item.key, item, at: first * columns + i }));
    reconcile(this.inner, seen, ({ item }) => this.create(item), (card, { item, at }) => {
      card.style.cssText = `width:${side}px;height:${height - GAP}px;transform:translate(${(at % columns) * (side + GAP)}px,${Math.floor(at / columns) * height}px)`;
      this.update(card, item);
    });
  }
}
