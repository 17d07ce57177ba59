// A tab's controls are put into the page when the tab is first opened: a page of all of them takes seconds.

import { declare } from './form.js';

const opened = new Set();

export function mount({ props, trigger }, { fields }) {
  const tabs = Object.keys(fields);
  declare(fields);
  const open = (name) => {
    if (!tabs.includes(name) || opened.has(name)) return;
    opened.add(name);
    props.value = name;
    trigger('input');
  };
  document.addEventListener('easel:tab', (event) => open(event.detail.tab));
  open(document.body.dataset.tab ?? tabs[0]);
}

/** Called by Gradio: what becomes of each tab's column when one is opened. */
export const shown = (tabs) => tabs.map((name) => (opened.has(name) ? { __type__: 'update', visible: true } : { __type__: 'update' }));
