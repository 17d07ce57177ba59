// The bar above the canvas: tools, the brush, what can be done with the layer and with the view.

import { make } from '../dom.js';
import { choose, drawFromPicture, maskFromAlpha, readPhoto, saveJson, savePng, takeMap, takeMask, takePicture } from './files.js';
import { frameNumbers } from './frame.js';
import { icon } from './icons.js';
import { openSheet } from './keys.js';
import { hexOf, openOwn, rgbOf } from './palettes.js';
import { TOOLS } from './tools.js';

export const SIZES = { least: 1, most: 512 };

/** Build the bar; `render` brings it in line with the desk. */
export function toolbar(desk) {
  const tools = desk.tools.map((name) => [name, button(name, `${TOOLS[name].title} (${TOOLS[name].key})`, () => desk.choose({ tool: name }))]);
  tools.forEach(([, element]) => element.setAttribute('role', 'radio'));
  // Squares: fine steps where the brush is small.
  const size = slider('Size', Math.sqrt(SIZES.least), Math.sqrt(SIZES.most), 0.1, (value) => desk.choose({ size: value * value }));
  const softness = slider('Softness', 0, 1, 0.01, (value) => desk.choose({ softness: value }));
  const tolerance = slider('Tolerance', 0, 128, 1, (value) => desk.choose({ tolerance: value }));
  const numbers = desk.tools.includes('frame') ? frameNumbers(desk) : null;
  const colour = make('input', { type: 'color', className: 'ez-canvas-colour', 'aria-label': 'Colour', title: 'Colour' });
  colour.addEventListener('input', () => desk.choose({ colour: rgbOf(colour.value) }));
  const [undo, redo] = [button('undo', 'Undo (Ctrl+Z)', () => desk.undo()), button('redo', 'Redo (Ctrl+Shift+Z)', () => desk.redo())];
  const bar = make('div', { className: 'ez-canvas-bar', role: 'toolbar', 'aria-label': 'Canvas' },
    ...(desk.sources ? [desk.sources.choice] : []),
    group('radiogroup', 'Tool', tools.map(([, element]) => element)),
    make('div', { className: 'ez-canvas-brush' }, colour, size.element, softness.element, tolerance.element, ...(numbers ? [numbers.element] : [])),
    group('group', 'History', [undo, redo], 'ez-canvas-history'),
    group('group', 'Change', layerButtons(desk)),
    group('group', 'View', [
      button('mirror', 'Mirror the view (M)', () => desk.view.mirror()),
      button('turn', 'Turn the view (T)', () => desk.view.turn(90)),
      button('fit', 'Fit into the window (0)', () => desk.view.fit()),
      button('full', 'Full screen (F)', () => desk.fullscreen()),
      button('help', 'Shortcuts of the canvas (?)', () => openSheet(desk)),
    ]));
  return { bar, render: () => { render(desk, { tools, colour, size, softness, tolerance, undo, redo }); numbers?.render(); } };
}

function render(desk, { tools, colour, size, softness, tolerance, undo, redo }) {
  const { options, board } = desk;
  for (const [name, element] of tools) {
    element.setAttribute('aria-checked', name === options.tool);
    element.hidden = !desk.mixed && (TOOLS[name].kind === 'boxes') !== desk.layout && name !== 'hand';
  }
  colour.hidden = TOOLS[options.tool].kind !== 'sketch';
  colour.value = hexOf(options.colour);
  const round = !!TOOLS[options.tool].round;
  size.show(Math.sqrt(options.size), `${Math.round(options.size)} px`, round);
  softness.show(options.softness, `${Math.round(options.softness * 100)} %`, round && board.kind === 'mask');
  tolerance.show(options.tolerance, String(options.tolerance), options.tool === 'fill' && board.kind === 'mask');
  undo.disabled = !board.history.past.length;
  redo.disabled = !board.history.future.length;
  const [last, next] = [board.history.past.at(-1), board.history.future.at(-1)];
  undo.title = last ? `Undo: ${last.title} (Ctrl+Z)` : 'Nothing to undo';
  redo.title = next ? `Redo: ${next.title} (Ctrl+Shift+Z)` : 'Nothing to redo';
}

function layerButtons(desk) {
  const { board } = desk;
  const all = (title, change) => () => board.edit(title, (layer) => { change(layer); return layer.whole(); });
  if (board.kind === 'mask')
    return [
      button('clear', 'Clear the mask', all('Clear', (layer) => layer.data.fill(0))),
      button('invert', 'Invert the mask', all('Invert', (layer) => layer.data.forEach((value, at) => { layer.data[at] = 255 - value; }))),
      button('open', 'Bring in a picture', () => choose('image/*', (file) => takePicture(desk, file))),
      button('mask', 'Bring in a mask', () => choose('image/*', (file) => takeMask(desk, file))),
      button('alpha', 'Mask what is see-through', () => maskFromAlpha(desk)),
      button('save', 'Save the mask as PNG', () => savePng(desk)),
      button('image', 'Use the picture in img2img', () => drawFromPicture(desk)),
    ];
  return [
    button('clear', 'Clear', () => (desk.layout || (desk.mixed && board.boxes.length) ? board.become({ boxes: [] }, 'Clear the boxes') : all(`Fill with the ${desk.noun}`, (layer) => layer.data.fill(desk.value()))()), `Fill everything with the ${desk.noun}${desk.noun === 'class' ? ', or remove all boxes' : ''}`),
    button('open', 'Bring in a map (PNG, JSON)', () => choose('image/*,.json,application/json', (file) => takeMap(desk, file))),
    ...(desk.noun === 'class' ? [button('photo', 'Read a photograph', () => choose('image/*', (file) => readPhoto(desk, file)), 'Read a photograph into a first map, by its colours')] : []),
    button('save', 'Save the map as PNG', () => savePng(desk)),
    ...(desk.noun === 'class' ? [button('data', 'Save map and boxes as JSON', () => saveJson(desk)), button('palette', 'Make a palette of your own', () => openOwn({ choose }))] : []),
  ];
}

function group(role, title, children, name = '') {
  return make('div', { className: `ez-canvas-group ${name}`, role, 'aria-label': title }, ...children);
}

function button(name, title, act, help = title) {
  const press = (event) => {
    act();
    if (event.detail) event.target.closest('.ez-canvas')?.querySelector('.ez-canvas-surface').focus({ preventScroll: true }); // pressed by a pointer: keys are the canvas's again
  };
  return make('button', { type: 'button', className: 'ez-canvas-button', title: help, 'aria-label': title, onclick: press }, icon(name));
}

function slider(title, low, high, step, changed) {
  const input = make('input', { type: 'range', min: low, max: high, step, 'aria-label': title });
  const said = make('output');
  const element = make('label', { className: 'ez-canvas-slider' }, make('span', { textContent: title }), input, said);
  input.addEventListener('input', () => changed(Number(input.value)));
  return {
    element,
    show(value, text, used) {
      element.hidden = !used;
      if (document.activeElement !== input) input.value = value;
      said.textContent = text;
      input.setAttribute('aria-valuetext', text);
    },
  };
}
