// The classes of the model, by colour and name: choose what the brush paints, or what a box holds.

import { make } from '../dom.js';

export function legend(desk) {
  const holder = make('div', { className: 'ez-canvas-legend', role: 'radiogroup', 'aria-label': 'Class' });
  const said = make('span', { className: 'ez-canvas-under', 'aria-hidden': 'true' });
  let shown = null;
  const render = () => {
    if (shown !== desk.classes) {
      shown = desk.classes;
      holder.replaceChildren(...shown.map((name, value) => entry(desk, name, value)));
    }
    [...holder.children].forEach((element, value) => element.setAttribute('aria-checked', value === desk.options.value));
  };
  return { holder, said, render, say: (value) => { said.textContent = value === null ? '' : desk.classes[value] ?? ''; } };
}

function entry(desk, name, value) {
  const colour = make('i');
  colour.style.background = `rgb(${(desk.look[value] ?? [0, 0, 0]).join(' ')})`;
  return make('button', { type: 'button', role: 'radio', className: 'ez-canvas-class', title: name, onclick: () => desk.choose({ value, tool: desk.layout ? 'box' : desk.options.tool }) }, colour, make('span', { textContent: name }));
}
