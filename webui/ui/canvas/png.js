// PNG files of one number a pixel, written and read to the bit: what a mask and a class map are.
// A browser's own encoder writes colours, and would mix them with the transparency.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const GREY = 0;
const PALETTE = 3;

/** A PNG of grey values, or of palette numbers where colours ([red, green, blue] each) are given. */
export async function encodePng(data, width, height, colours = null) {
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colours ? PALETTE : GREY], 8);
  const parts = [chunk('IHDR', header)];
  if (colours) parts.push(chunk('PLTE', new Uint8Array(colours.flat())));
  parts.push(chunk('IDAT', await through(new CompressionStream('deflate'), rows)), chunk('IEND', new Uint8Array()));
  return new Blob([new Uint8Array(SIGNATURE), ...parts], { type: 'image/png' });
}

/** Numbers of a grey or palette PNG: { width, height, data, colours }; null for any other picture. */
export async function decodePng(buffer) {
  const bytes = new Uint8Array(buffer);
  if (SIGNATURE.some((value, i) => bytes[i] !== value)) return null;
  const found = chunksOf(bytes);
  const header = found.IHDR?.[0];
  if (!header || !found.IDAT) return null;
  const view = new DataView(header.buffer, header.byteOffset);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, kind, interlaced] = [header[8], header[9], header[12]];
  const readable = (kind === GREY && depth === 8) || (kind === PALETTE && depth <= 8);
  if (!readable || interlaced) return null;
  const packed = await through(new DecompressionStream('deflate'), ...found.IDAT);
  const row = Math.ceil((width * depth) / 8);
  const data = unpacked(unfiltered(packed, row, height), row, width, height, depth);
  const flat = kind === PALETTE ? [...found.PLTE[0]] : [];
  const colours = flat.length ? Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3)) : null;
  return { width, height, data, colours };
}

function chunksOf(bytes) {
  const found = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    (found[name] ??= []).push(bytes.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return found;
}

/** Rows without their filters (PNG specification, section 9), for pixels of at most a byte. */
function unfiltered(packed, row, height) {
  const out = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    const filter = packed[y * (row + 1)];
    const from = y * (row + 1) + 1;
    const to = y * row;
    for (let x = 0; x < row; x++) {
      const left = x ? out[to + x - 1] : 0;
      const up = y ? out[to + x - row] : 0;
      const corner = x && y ? out[to + x - row - 1] : 0;
      out[to + x] = packed[from + x] + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** One byte a pixel, from 1, 2, 4 or 8 bits. */
function unpacked(rows, row, width, height, depth) {
  if (depth === 8) return rows;
  const out = new Uint8Array(width * height);
  const mask = (1 << depth) - 1;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      out[y * width + x] = (rows[y * row + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  return out;
}

function chunk(name, data) {
  const out = new Uint8Array(data.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(data.length + 8, checksum(out.subarray(4, data.length + 8)));
  return out;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let k = 0; k < 8; k++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

async function through(stream, ...parts) {
  return new Uint8Array(await new Response(new Blob(parts).stream().pipeThrough(stream)).arrayBuffer());
}
