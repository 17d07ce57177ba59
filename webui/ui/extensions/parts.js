// What extensions add to the whole page: tabs, buttons, scripts. All of one goes when it does.

import { addAction } from '../added_actions.js';
import { make } from '../dom.js';
import { connect } from '../extension.js';
import { addTab, reopenTab } from '../tabs.js';
import { extensions, follow } from './list.js';
import { called, finish, mounted } from './module.js';

const added = new Map(); // name to { stamp, close }

/** Keep the page in line with the extensions in use; `host` holds their tabs. */
export function addParts(host) {
  follow(() => {
    const open = document.body.dataset.tab;
    const inUse = new Map(extensions().filter((one) => one.in_use).map((one) => [one.name, one]));
    for (const [name, { stamp, close }] of added)
      if (stamp !== JSON.stringify(inUse.get(name)?.page)) { close(); added.delete(name); }
    const wentAway = document.body.dataset.tab !== open;
    for (const [name, one] of inUse) if (!added.has(name)) added.set(name, { stamp: JSON.stringify(one.page), close: add(host, one) });
    if (wentAway) reopenTab(open); // that of an extension whose files were saved
  });
  document.addEventListener('easel:tab', ({ detail }) => show(host, detail.tab));
}

function add(host, { name, page }) {
  const easel = connect(name);
  const ends = [
    ...page.tabs.map((tab) => ownTab(host, name, tab)),
    ...page.actions.map(({ title, place, icon, module, name: action }) => addAction({ title, place, icon, run: (picture) => called(module, action, easel, picture) })),
    ...page.scripts.map((module) => {
      const given = called(module, 'start', easel);
      return () => given.then(finish);
    }),
  ];
  return () => { ends.forEach((end) => end()); easel.close(); };
}

/** A tab of its own: filled when it is first opened. */
function ownTab(host, extension, { name, title, module }) {
  const id = `${extension}-${name}`;
  const section = make('section', { className: 'ez-extension-tab', hidden: true, 'aria-label': title });
  section.dataset.tab = id;
  let close = null;
  section.addEventListener('ez-shown', () => { close ??= mounted(section, module, connect(extension)); });
  host.append(section);
  const removeTab = addTab(id, title);
  show(host, document.body.dataset.tab);
  return () => { removeTab(); close?.(); section.remove(); };
}

function show(host, tab) {
  let alone = false;
  for (const section of host.children) {
    section.hidden = section.dataset.tab !== tab;
    alone ||= !section.hidden;
    if (!section.hidden) section.dispatchEvent(new CustomEvent('ez-shown'));
  }
  document.body.toggleAttribute('data-alone', alone);
}
