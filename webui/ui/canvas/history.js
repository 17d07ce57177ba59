// Undo and redo of everything, a hundred steps back.

export const STEPS = 100;
const TILE = 128;

/** Steps that can be taken back; each is { title, undo(), redo() }. */
export class History {
  constructor(changed = () => {}) {
    this.past = [];
    this.future = [];
    this.changed = changed;
  }

  record(step) {
    this.past.push(step);
    if (this.past.length > STEPS) this.past.shift();
    this.future = [];
    this.changed();
  }

  undo() { return this.go(this.past, this.future, 'undo'); }
  redo() { return this.go(this.future, this.past, 'redo'); }

  go(from, to, way) {
    const step = from.pop();
    if (!step) return null;
    step[way]();
    to.push(step);
    this.changed();
    return step;
  }
}

/** The changed squares of a rectangle, before and after; a square of one value is kept as that value. */
export function differences(before, after, width, rect) {
  const found = [];
  for (let top = rect.top - (rect.top % TILE); top < rect.bottom; top += TILE)
    for (let left = rect.left - (rect.left % TILE); left < rect.right; left += TILE) {
      const square = { left, top, right: Math.min(left + TILE, width), bottom: Math.min(top + TILE, before.length / width) };
      const [old, now] = [cut(before, width, square), cut(after, width, square)];
      if (old.some((value, i) => value !== now[i])) found.push({ square, old: packed(old), now: packed(now) });
    }
  return found;
}

/** Put squares back into an array; `which` is 'old' or 'now'. */
export function restore(data, width, squares, which) {
  for (const { square, [which]: kept } of squares)
    for (let y = square.top; y < square.bottom; y++) {
      const at = y * width + square.left;
      const wide = square.right - square.left;
      if (typeof kept === 'number') data.fill(kept, at, at + wide);
      else data.set(kept.subarray((y - square.top) * wide, (y - square.top + 1) * wide), at);
    }
}

function cut(data, width, { left, top, right, bottom }) {
  const out = new Uint8Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) out.set(data.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  return out;
}

const packed = (values) => (values.every((value) => value === values[0]) ? values[0] : values);
