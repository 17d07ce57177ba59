// One number a pixel, and how it looks: a mask (0 to 255) or a map of classes.

export class Layer {
  /** `look` gives each number its [red, green, blue, alpha]. */
  constructor(width, height, look) {
    this.colours = new Uint32Array(256);
    this.colour(look);
    this.canvas = document.createElement('canvas');
    // Kept in ordinary memory: small parts change many times a second.
    this.context = this.canvas.getContext('2d', { willReadFrequently: true });
    this.become(width, height);
  }

  /** Give the numbers other looks; `show` brings them into sight. */
  colour(look) {
    for (let value = 0; value < 256; value++) {
      const [red, green, blue, alpha] = look(value);
      this.colours[value] = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    }
  }

  /** Take another size, and numbers of it; without them everything is 0. */
  become(width, height, data = new Uint8Array(width * height)) {
    Object.assign(this, { width, height, data });
    Object.assign(this.canvas, { width, height });
    this.show(this.whole());
  }

  whole() { return { left: 0, top: 0, right: this.width, bottom: this.height }; }

  isEmpty() { return this.data.every((value) => value === 0); }

  /** Bring the picture of the numbers up to date in a rectangle. */
  show({ left, top, right, bottom }) {
    if (right <= left || bottom <= top) return;
    const image = this.context.createImageData(right - left, bottom - top);
    const pixels = new Uint32Array(image.data.buffer);
    let to = 0;
    for (let y = top; y < bottom; y++)
      for (let at = y * this.width + left; at < y * this.width + right; at++) pixels[to++] = this.colours[this.data[at]];
    this.context.putImageData(image, left, top);
  }
}

/** A mask: see-through where it is 0. */
export const maskLook = ([red, green, blue]) => (value) => [red, green, blue, Math.round(value * 0.6)];

/** Classes by their colours; what no class has is black. */
export const classLook = (colours) => (value) => [...(colours[value] ?? [0, 0, 0]), 255];
