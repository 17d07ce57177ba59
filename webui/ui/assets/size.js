// The row of aspect shapes: each keeps the model's own number of pixels, snapped to what it draws.

import { make } from './dom.js';
import { fill, values } from './form.js';
import { modelOf } from './models.js';

const SHAPES = [[1, 1], [4, 3], [3, 2], [16, 9], [3, 4], [2, 3], [9, 16]];
const FREE = { img2img: 'as the image', inpaint: 'as the picture' }; // what no size means, by tab
const MULTIPLE = 8;
const BOX = 20; // pixels of the largest side of a drawn shape

export function mount({ element }, { tab }) {
  const row = element.querySelector('.ez-shapes');
  const said = make('span', { className: 'ez-shapes-said' });
  const buttons = SHAPES.map((shape) => shapeButton(tab, shape));
  row.append(make('div', {}, ...buttons), said);
  const render = async () => {
    const native = await nativeSize(tab);
    const { width, height } = values(tab);
    const now = [width ?? native[0], height ?? native[1]];
    const free = width === null && height === null && tab in FREE;
    said.textContent = free ? FREE[tab] : `${now[0]} × ${now[1]}`;
    buttons.forEach((button, i) => {
      const [w, h] = sized(SHAPES[i], native);
      button.title = `${SHAPES[i].join(':')}, ${w} × ${h} pixels`;
      button.setAttribute('aria-pressed', !free && w === now[0] && h === now[1]);
    });
  };
  document.addEventListener('easel:form', (event) => { if (event.detail.tab === tab) render(); });
  render();
}

function shapeButton(tab, shape) {
  const scale = BOX / Math.max(...shape);
  const drawn = make('i');
  drawn.style.width = `${shape[0] * scale}px`;
  drawn.style.height = `${shape[1] * scale}px`;
  const choose = async () => {
    const [width, height] = sized(shape, await nativeSize(tab));
    fill(tab, { width, height });
  };
  return make('button', { type: 'button', 'aria-label': `Aspect ${shape.join(' to ')}`, onclick: choose }, drawn);
}

async function nativeSize(tab) {
  const model = await modelOf(values(tab).model);
  return [model?.native_width ?? 512, model?.native_height ?? 512];
}

function sized([x, y], [width, height]) {
  const area = width * height;
  const snap = (side) => Math.max(64, Math.round(side / MULTIPLE) * MULTIPLE);
  return [snap(Math.sqrt((area * x) / y)), snap(Math.sqrt((area * y) / x))];
}
