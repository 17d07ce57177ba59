// Short notes at the foot of the stage, with at most one action, such as Undo.

import { make } from './dom.js';

const SECONDS = 8;

export function toast(text, action) {
  const note = make('div', { className: 'ez-toast' }, make('span', { textContent: text }));
  const close = () => note.remove();
  if (action)
    note.append(make('button', { type: 'button', textContent: action.title, onclick: () => { close(); action.run(); } }));
  holder().replaceChildren(note);
  setTimeout(close, SECONDS * 1000);
}

function holder() {
  let element = document.getElementById('ez-toasts');
  if (!element) {
    element = make('div', { id: 'ez-toasts', role: 'status', 'aria-live': 'polite' });
    document.body.append(element);
  }
  return element;
}
