// The panels that extensions bring into a form: folded, and filled when they are first opened.

import { make, reconcile } from '../dom.js';
import { connect } from '../extension.js';
import { extensions } from './list.js';
import { mounted } from './module.js';

/** Bring a form's panels in line with the extensions that are in use. */
export function showPanels(view) {
  const items = extensions().filter((one) => one.in_use).flatMap((extension) =>
    extension.page.panels.filter((panel) => panel.tabs.includes(view.tab)).map((panel) => ({ key: `${extension.name} ${panel.module} ${panel.title}`, extension: extension.name, panel })));
  view.held ??= new Map();
  for (const [key, close] of view.held) if (!items.some((item) => item.key === key)) { close(); view.held.delete(key); }
  reconcile(view.panels, items, (item) => panel(view, item));
}

function panel(view, { key, extension, panel: { title, module } }) {
  const inside = make('div', { className: 'ez-extension-panel' });
  const open = () => {
    if (!details.open || view.held.has(key)) return;
    view.held.set(key, mounted(inside, module, connect(extension, view.tab)));
  };
  const details = make('details', { className: 'ez-extension-group', ontoggle: open }, make('summary', { textContent: title }), inside);
  return details;
}
