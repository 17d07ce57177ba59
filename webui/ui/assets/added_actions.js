// Buttons that extensions add, below finished pictures and in the header.

import { lines, make } from './dom.js';

const added = new Set();

/** Add a button, with an icon or else with its title in words: { title, place: 'picture' or 'header', icon: path or '', run }; gives a function that removes it. */
export function addAction(action) {
  added.add(action);
  tell();
  return () => { added.delete(action); tell(); };
}

/** The buttons of a place; those of pictures act on the one that is given. */
export const addedButtons = (place, picture = null) => [...added].filter((action) => action.place === place).map((action) => button(action, picture));

const tell = () => document.dispatchEvent(new CustomEvent('easel:actions'));

function button({ title, icon, run }, picture) {
  const made = make('button', { type: 'button', className: 'ez-button ez-added', title, 'aria-label': title, onclick: () => run(picture) }, make('span', { textContent: title }));
  if (icon) made.replaceChildren(lines(icon));
  return made;
}
