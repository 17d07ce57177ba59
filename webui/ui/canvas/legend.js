// The classes that can be painted, by colour and name: choose what the brush paints, or what a box holds.

import { make } from '../dom.js';

const MANY = 24; // from so many on they can be searched

export function legend(desk) {
  const holder = make('div', { className: 'ez-canvas-legend', role: 'radiogroup', 'aria-label': 'Class' });
  const search = make('input', { type: 'search', className: 'ez-canvas-search', placeholder: 'Find a class', 'aria-label': 'Find a class' });
  const said = make('span', { className: 'ez-canvas-under', 'aria-hidden': 'true' });
  let shown = null;
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    [...holder.querySelectorAll('button')].forEach((element) => { element.hidden = !element.title.toLowerCase().includes(wanted); });
  };
  search.addEventListener('input', filter);
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    holder.querySelector('button:not([hidden])')?.click();
  });
  const render = () => {
    if (shown !== desk.palette) {
      shown = desk.palette;
      search.value = '';
      holder.replaceChildren(...(shown.length >= MANY ? [search] : []), ...shown.map(({ name }, value) => entry(desk, name, value)));
    }
    [...holder.querySelectorAll('button')].forEach((element, value) => element.setAttribute('aria-checked', value === desk.options.value));
  };
  return { holder, said, render, say: (value) => { said.textContent = value === null ? '' : desk.classes[value] ?? ''; } };
}

function entry(desk, name, value) {
  const colour = make('i');
  colour.style.background = `rgb(${(desk.look[value] ?? [0, 0, 0]).join(' ')})`;
  return make('button', { type: 'button', role: 'radio', className: 'ez-canvas-class', title: name, onclick: () => desk.choose({ value, tool: desk.layout ? 'box' : desk.options.tool }) }, colour, make('span', { textContent: name }));
}
