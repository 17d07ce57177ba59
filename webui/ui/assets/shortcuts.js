// Keyboard shortcuts: one table, read by the listener, by the help and by a test.

import { discard } from './actions.js';
import { make } from './dom.js';
import { currentTab } from './form.js';
import { move } from './strip.js';
import { openTabAt } from './tabs.js';
import { pictureOnStage, toggleFullscreen } from './stage.js';
import * as store from './store.js';
import { shift } from './parts.js';
import { weigh } from './weights.js';

const PROMPT = '[data-prompt] textarea';

/** `anywhere` also works while typing, `where` only in what it names, the others only outside text fields; `stage` only where that is in sight. */
export const SHORTCUTS = [
  { keys: 'Ctrl+Enter', title: 'Generate', anywhere: true, act: generate },
  { keys: 'Escape', title: 'Cancel the job on the stage', anywhere: true, act: cancel },
  { keys: 'Ctrl+ArrowUp', title: 'More weight for the words in the prompt', where: PROMPT, act: () => weigh(1) },
  { keys: 'Ctrl+ArrowDown', title: 'Less weight for them', where: PROMPT, act: () => weigh(-1) },
  { keys: 'Alt+ArrowLeft', title: 'Move a part of the prompt to the left', where: PROMPT, act: () => shift(-1) },
  { keys: 'Alt+ArrowRight', title: 'Move it to the right', where: PROMPT, act: () => shift(1) },
  { keys: 'ArrowLeft', title: 'Newer picture', stage: true, act: () => move(-1) },
  { keys: 'ArrowRight', title: 'Older picture', stage: true, act: () => move(1) },
  { keys: 'F', title: 'Full screen', stage: true, act: toggleFullscreen },
  { keys: 'Delete', title: 'Delete the picture on the stage', stage: true, act: discardShown },
  { keys: 'Alt+1', title: 'First tab (Alt+2 the second, and so on)', anywhere: true, digits: true, act: openTabAt },
  { keys: '?', title: 'This list', act: openHelp },
];

export function listenForKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]') || isOpenMenu(event.target)) return;
    const found = SHORTCUTS.find((shortcut) => fits(shortcut, event));
    if (!found) return;
    if (found.digits) found.act(Number(event.key)); else found.act();
    if (found.keys !== 'Escape') event.preventDefault();
  });
}

export function openHelp() {
  document.getElementById('ez-help')?.remove();
  const rows = SHORTCUTS.map(({ keys, title }) => make('div', {}, make('dt', {}, ...keys.split('+').map((key) => make('kbd', { textContent: NAMES[key] ?? key }))), make('dd', { textContent: title })));
  const dialog = make('dialog', { id: 'ez-help', className: 'ez-dialog', 'aria-label': 'Keyboard shortcuts' },
    make('h2', { textContent: 'Keyboard' }), make('dl', {}, ...rows));
  dialog.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const NAMES = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc', Delete: 'Del' };

function fits({ keys, anywhere, digits, where, stage }, event) {
  if (stage && !document.getElementById('ez-stage')?.checkVisibility()) return false;
  if (where ? !event.target.matches?.(where) : !anywhere && isTyping(event.target)) return false;
  const parts = keys.split('+');
  const key = parts.at(-1);
  if ((event.ctrlKey || event.metaKey) !== parts.includes('Ctrl') || event.altKey !== parts.includes('Alt')) return false;
  return digits ? /^[1-9]$/.test(event.key) : event.key.toLowerCase() === key.toLowerCase();
}

const isOpenMenu = (target) => target instanceof HTMLElement && target.getAttribute('aria-expanded') === 'true';
const isTyping = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));

function generate() {
  document.getElementById(`${currentTab()}-generate`)?.click();
}

function cancel() {
  if (!document.fullscreenElement && store.active().length) store.cancelShown().catch(() => {});
}

function discardShown() {
  const picture = pictureOnStage();
  if (picture) discard([picture]);
}
