// A list of things that take a while, downloads and makings alike: a title, a bar, a line of facts, and what can be done.

import { iconButton, make, reconcile } from '../dom.js';
import { toast } from '../toast.js';

/** An empty list; `show` brings it in line with items, of which `told` says title, share (null: not known), facts, state and acts. */
export function progressList(title, told) {
  const element = make('div', { className: 'ez-library-downloads', 'aria-label': title, role: 'list' });
  return { element, show: (items) => reconcile(element, items.map((one) => ({ key: one.id, one })), row, (made, { one }) => fill(made, told(one))) };
}

function row() {
  return make('div', { className: 'ez-library-download', role: 'listitem' },
    make('span', { className: 'ez-library-title' }), make('progress', { max: 1 }), make('span', { className: 'ez-library-facts' }), make('span', { className: 'ez-library-acts' }));
}

function fill(made, { title, label, share, facts, state, acts }) {
  const [name, bar, line, buttons] = made.children;
  name.textContent = title;
  name.title = title;
  bar.setAttribute('aria-label', label);
  if (share === null) bar.removeAttribute('value'); else bar.value = share;
  line.textContent = facts;
  made.dataset.state = state;
  if (buttons.dataset.state === state) return;
  buttons.dataset.state = state;
  buttons.replaceChildren(...acts.map(([icon, title, run]) => iconButton(icon, title, () => run().catch((error) => toast(error.message)), '')));
}
