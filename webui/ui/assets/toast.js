// Short notes at the foot of the stage, or of the dialog that is open, with what can be done about it, such as Undo.

import { make } from './dom.js';

const SECONDS = 8;

export function toast(text, ...actions) {
  const note = make('div', { className: 'ez-toast' }, make('span', { textContent: text }));
  const close = () => note.remove();
  note.append(...actions.filter(Boolean).map(({ title, run }) => make('button', { type: 'button', textContent: title, onclick: () => { close(); run(); } })));
  holder().replaceChildren(note);
  setTimeout(close, SECONDS * 1000);
}

/** Do something whose failure is said in such a note. */
export async function telling(act) {
  try { await act(); } catch (error) { toast(error.message); }
}

const element = make('div', { id: 'ez-toasts', role: 'status', 'aria-live': 'polite' });

/** Beside a dialog nothing can be pressed, so notes are in it as long as it is open. */
function holder() {
  const dialog = [...document.querySelectorAll('dialog:modal')].at(-1);
  dialog?.addEventListener('close', () => document.body.append(element), { once: true });
  if (element.parentElement !== (dialog ?? document.body)) (dialog ?? document.body).append(element);
  return element;
}
