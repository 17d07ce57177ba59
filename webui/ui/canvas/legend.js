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
    stop();
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
    stop();
  };
  /** One stop for Tab: the class that is painted; arrows go from class to class. */
  const stop = () => {
    const all = [...holder.querySelectorAll('button:not([hidden])')];
    const chosen = all.find((element) => element.ariaChecked === 'true') ?? all[0];
    for (const element of holder.querySelectorAll('button')) element.tabIndex = element === chosen ? 0 : -1;
  };
  /** The class so many places on, of those in sight. */
  const step = (by) => {
    const all = [...holder.querySelectorAll('button:not([hidden])')];
    const at = all.findIndex((element) => element.ariaChecked === 'true');
    return go(all[at < 0 ? 0 : (at + by + all.length) % all.length]);
  };
  const go = (element) => { element?.click(); return element; };
  holder.addEventListener('keydown', (event) => {
    if (!(event.target instanceof HTMLButtonElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = holder.querySelectorAll('button:not([hidden])');
    const to = { Home: () => go(all[0]), End: () => go(all[all.length - 1]), ArrowRight: () => step(1), ArrowDown: () => step(1), ArrowLeft: () => step(-1), ArrowUp: () => step(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    to()?.focus();
  });
  return { holder, said, render, step, say: (value) => { said.textContent = value === null ? '' : desk.classes[value] ?? ''; } };
}

function entry(desk, name, value) {
  const colour = make('i');
  colour.style.background = `rgb(${(desk.look[value] ?? [0, 0, 0]).join(' ')})`;
  return make('button', { type: 'button', role: 'radio', className: 'ez-canvas-class', title: name, onclick: () => desk.choose({ value, tool: desk.layout ? 'box' : desk.options.tool }) }, colour, make('span', { textContent: name }));
}
