// The foot of the queue drawer: the waiting jobs go into a file, and come back out of one.

import { address, post } from './api.js';
import { icon, iconButton, make } from './dom.js';

export function fileRow() {
  const said = make('output');
  const input = make('input', { type: 'file', accept: '.json,application/json', hidden: true, 'aria-label': 'A saved queue', onchange: () => takeIn(input, said) });
  const save = make('a', { className: 'ez-button ez-queue-save', href: address('/queue/file'), download: '', title: 'Save the jobs that wait as a file, for later or for another studio' }, icon('download'), make('span', { textContent: 'Save queue' }));
  const load = iconButton('upload', 'Add the jobs of a saved queue behind those that wait', () => input.click(), 'Load queue');
  return make('footer', { className: 'ez-drawer-file' }, said, make('div', {}, save, load, input));
}

/** There is something to save, or nothing. */
export function showWaiting(drawer, some) {
  const save = drawer.querySelector('.ez-queue-save');
  save.setAttribute('aria-disabled', String(!some));
  save.tabIndex = some ? 0 : -1;
}

async function takeIn(input, said) {
  const [file] = input.files;
  input.value = ''; // the same file can be chosen again
  if (!file) return;
  said.replaceChildren(make('p', { textContent: `Reading ${file.name} …` }));
  try {
    const { jobs, refused } = await post('/queue/file', file);
    const added = `${jobs.length} ${jobs.length === 1 ? 'job was' : 'jobs were'} added${refused.length ? `, ${refused.length} not:` : '.'}`;
    said.replaceChildren(make('p', { textContent: added }), ...refused.map(({ name, reason }) => bad(`${name}: ${reason}`)));
  } catch (error) {
    said.replaceChildren(bad(error.message));
  }
}

const bad = (textContent) => make('p', { className: 'ez-bad', textContent });
