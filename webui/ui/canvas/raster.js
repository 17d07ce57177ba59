// Shapes drawn into arrays of one byte a pixel. Nothing here knows of the page, so all of it is exact.
// A field is { data, width, height }; each function returns the rectangle that it may have changed.

/** Coverage (0 to 255) of a round brush that goes from one point to another; the greater value stays. */
export function strokeSegment(field, from, to, softness) {
  const reach = Math.max(from.radius, to.radius) + 1;
  const rect = clipped(field, Math.min(from.x, to.x) - reach, Math.min(from.y, to.y) - reach, Math.max(from.x, to.x) + reach, Math.max(from.y, to.y) + reach);
  const [dx, dy, slope] = [to.x - from.x, to.y - from.y, to.radius - from.radius];
  const length = dx * dx + dy * dy;
  for (let y = rect.top; y < rect.bottom; y++) {
    const py = y + 0.5 - from.y;
    for (let x = rect.left; x < rect.right; x++) {
      const at = y * field.width + x;
      if (field.data[at] === 255) continue; // nothing can be above it: most of a slow stroke
      const px = x + 0.5 - from.x;
      const share = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const [ex, ey] = [px - share * dx, py - share * dy];
      const radius = from.radius + share * slope;
      const square = ex * ex + ey * ey;
      if (square >= (radius + 0.5) * (radius + 0.5)) continue;
      const value = coverage(Math.sqrt(square), radius, softness);
      if (value > field.data[at]) field.data[at] = value;
    }
  }
  return rect;
}

/** 255 inside the hard core, falling to 0 half a pixel beyond the radius. */
function coverage(distance, radius, softness) {
  const core = Math.min(radius * (1 - softness), radius - 0.5);
  if (distance <= core) return 255;
  const share = Math.min(1, Math.max(0, (radius + 0.5 - distance) / (radius + 0.5 - core)));
  return Math.round(255 * (softness > 0 ? share * share * (3 - 2 * share) : share));
}

/** A value laid over what was there by a stroke's coverage; numbers are never mixed where `whole`. */
export function layStroke(layer, before, stroke, value, rect, whole) {
  for (let y = rect.top; y < rect.bottom; y++)
    for (let at = y * layer.width + rect.left; at < y * layer.width + rect.right; at++) {
      const share = stroke[at];
      if (!share) continue;
      if (whole) layer.data[at] = share >= 128 ? value : before[at];
      else layer.data[at] = Math.round(before[at] + ((value - before[at]) * share) / 255);
    }
}

/** A value inside a polygon of points {x, y}, by the even-odd rule at pixel centres. */
export function fillPolygon(field, points, value) {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const rect = clipped(field, Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
  for (let y = rect.top; y < rect.bottom; y++) {
    const crossings = crossingsAt(points, y + 0.5);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const left = Math.max(rect.left, Math.ceil(crossings[i] - 0.5));
      const right = Math.min(rect.right, Math.ceil(crossings[i + 1] - 0.5));
      if (right > left) field.data.fill(value, y * field.width + left, y * field.width + right);
    }
  }
  return rect;
}

function crossingsAt(points, y) {
  const found = [];
  points.forEach((from, i) => {
    const to = points[(i + 1) % points.length];
    if (from.y <= y !== to.y <= y) found.push(from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x));
  });
  return found.sort((a, b) => a - b);
}

/** A value in the rectangle between two points, whole pixels. */
export function fillRectangle(field, from, to, value) {
  const rect = clipped(field, Math.min(from.x, to.x), Math.min(from.y, to.y), Math.max(from.x, to.x), Math.max(from.y, to.y));
  for (let y = rect.top; y < rect.bottom; y++) field.data.fill(value, y * field.width + rect.left, y * field.width + rect.right);
  return rect;
}

/** A value in the connected area around a pixel for which `belongs(index)` holds, row by row. */
export function fillArea(field, x, y, value, belongs) {
  const { width, height, data } = field;
  const seen = new Uint8Array(width * height);
  const waiting = [y * width + x];
  const rect = { left: x, top: y, right: x + 1, bottom: y + 1 };
  while (waiting.length) {
    const start = waiting.pop();
    if (seen[start] || !belongs(start)) continue;
    const row = Math.floor(start / width) * width;
    let left = start;
    let right = start;
    while (left > row && !seen[left - 1] && belongs(left - 1)) left--;
    while (right + 1 < row + width && !seen[right + 1] && belongs(right + 1)) right++;
    for (let at = left; at <= right; at++) {
      seen[at] = 1;
      if (at >= width) waiting.push(at - width);
      if (at + width < width * height) waiting.push(at + width);
    }
    data.fill(value, left, right + 1);
    enlarge(rect, { left: left - row, top: row / width, right: right - row + 1, bottom: row / width + 1 });
  }
  return rect;
}

/** Make a rectangle reach around another too. */
export function enlarge(rect, other) {
  rect.left = Math.min(rect.left, other.left);
  rect.top = Math.min(rect.top, other.top);
  rect.right = Math.max(rect.right, other.right);
  rect.bottom = Math.max(rect.bottom, other.bottom);
  return rect;
}

/** Whole pixels of the field between these sides. */
export function clipped({ width, height }, left, top, right, bottom) {
  return { left: Math.max(0, Math.floor(left)), top: Math.max(0, Math.floor(top)), right: Math.min(width, Math.ceil(right)), bottom: Math.min(height, Math.ceil(bottom)) };
}

/** A field within a larger rectangle around it, 0 elsewhere. */
export function placed(field, { left, top, width, height }) {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < field.height; y++) data.set(field.data.subarray(y * field.width, (y + 1) * field.width), (y - top) * width - left);
  return data;
}

/** A field scaled to another size by the nearest pixel, so that numbers are never mixed. */
export function resized(field, width, height) {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * field.height) / height) * field.width;
    for (let x = 0; x < width; x++) data[y * width + x] = field.data[row + Math.floor(((x + 0.5) * field.width) / width)];
  }
  return data;
}
