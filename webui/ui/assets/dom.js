// Small helpers for building the page's own components.

/** An element with properties, attributes (those with a dash or 'role'), and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes('-') || name === 'role') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const PATHS = {
  dice: 'M4 4h16v16H4zM9 9h.01M15 15h.01M15 9h.01M9 15h.01',
  recycle: 'M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01',
  brush: 'M4 20c3 0 5-1 5-4 0-1.5-1-2.5-2.5-2.5C4 13.5 5 17 4 20zM9 15L19 4l1 1L10 16',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  upload: 'M12 15V4M7 9l5-5 5 5M5 20h14',
  restore: 'M4 6h10M4 12h6M4 18h10M18 9l-3 3 3 3M15 12h6',
  seed: 'M12 20v-9M12 11c0-4 3-6 7-6 0 4-3 6-7 6zM12 14c0-3-2-5-6-5 0 3 2 5 6 5z',
  lines: 'M5 19L19 5M5 12l7-7M12 19l7-7',
  style: 'M4 20l6-6M14 4l6 6-9 4-1-1zM6 4h3M4 8h3',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  close: 'M6 6l12 12M18 6L6 18',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.5 17.5L5 19',
  moon: 'M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z',
  auto: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  help: 'M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 18h.01',
  queue: 'M4 6h16M4 12h16M4 18h10',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l12 7-12 7z',
  retry: 'M20 11a8 8 0 1 0-2 6M20 5v6h-6',
  swap: 'M7 4v16M7 4L4 7M7 4l3 3M17 20V4M17 20l-3-3M17 20l3-3',
  folder: 'M3 6h6l2 2h10v11H3z',
  merge: 'M6 4v4c0 4 6 4 6 8v4M18 4v4c0 4-6 4-6 8',
  send: 'M4 12h13M12 6l6 6-6 6M20 5v14',
  map: 'M4 6l5-2 6 2 5-2v14l-5 2-6-2-5 2zM9 4v14M15 6v14',
  live: 'M4 13l4 0 2-7 4 13 2-6h4',
  newer: 'M15 5l-7 7 7 7',
  older: 'M9 5l7 7-7 7',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
};

/** One of the line icons above, 16 px, in the text's colour. */
export const icon = (name) => lines(PATHS[name]);

/** A line icon of a path in a square of 24. */
export function lines(drawn) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [key, value] of Object.entries({
    viewBox: '0 0 24 24', width: 16, height: 16, fill: 'none', stroke: 'currentColor',
    'stroke-width': 1.75, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true',
  })) svg.setAttribute(key, value);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', drawn);
  svg.append(path);
  return svg;
}

/** A button with an icon and a word; on narrow screens styles may leave only the icon. */
export function iconButton(name, title, onclick, word = title) {
  return make('button', { type: 'button', className: 'ez-button', title, 'aria-label': title, onclick }, icon(name), make('span', { textContent: word }));
}

/** Bring a container's children in line with keyed items, without rebuilding those that stay. */
export function reconcile(container, items, create, update) {
  const old = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const wanted = new Set(items.map(({ key }) => String(key)));
  for (const [key, element] of old) {
    if (wanted.has(key)) continue;
    // What is still loading need not come: its picture may be gone by then.
    element.querySelectorAll('img').forEach((image) => image.removeAttribute('src'));
    element.remove(); // before the others are put in order: one that is moved loses the focus
  }
  let place = container.firstElementChild;
  for (const item of items) {
    let element = old.get(String(item.key));
    old.delete(String(item.key));
    if (!element) {
      element = create(item);
      element.dataset.key = item.key;
    }
    update?.(element, item);
    if (element === place) place = place.nextElementSibling;
    else container.insertBefore(element, place);
  }
}

/** Hand a file to whoever looks at the page. */
export function download(blob, name) {
  const link = make('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const clampText = (text, length) => (text.length > length ? text.slice(0, length - 1) + '…' : text);

export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(Number.isInteger(seconds) ? 0 : 1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
