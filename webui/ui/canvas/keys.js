// The canvas's keyboard shortcuts: one table, read by the listener, by the help sheet and by a test.

import { make } from '../dom.js';
import { TOOLS } from './tools.js';

const GROWTH = 1.25;

/** Every shortcut of a desk; those of a tool that it does not have are left out. */
export function shortcuts(desk) {
  const tools = Object.entries(TOOLS).filter(([name]) => desk.tools.includes(name)).map(([name, tool]) => ({ keys: tool.key, title: tool.title, act: () => desk.choose({ tool: name }) }));
  return [
    ...tools,
    { keys: '[', title: 'Smaller brush', act: () => desk.choose({ size: desk.options.size / GROWTH }) },
    { keys: ']', title: 'Larger brush', act: () => desk.choose({ size: desk.options.size * GROWTH }) },
    ...(desk.legend ? [
      { keys: ',', title: 'Class before', act: () => desk.legend.step(-1) },
      { keys: '.', title: 'Next class', act: () => desk.legend.step(1) },
    ] : []),
    { keys: 'Ctrl+Z', title: 'Undo', act: () => desk.undo() },
    { keys: 'Ctrl+Shift+Z', title: 'Redo (or Ctrl+Y)', act: () => desk.redo() },
    { keys: '0', title: 'Fit into the window', act: () => desk.view.fit() },
    { keys: '+', title: 'Larger', act: () => desk.zoom(GROWTH) },
    { keys: '-', title: 'Smaller', act: () => desk.zoom(1 / GROWTH) },
    { keys: 'M', title: 'Mirror the view', act: () => desk.view.mirror() },
    { keys: 'T', title: 'Turn the view', act: () => desk.view.turn(90) },
    { keys: 'F', title: 'Full screen', act: () => desk.fullscreen() },
    { keys: '?', title: 'This list', act: () => openSheet(desk) },
  ];
}

const BY_HAND = [
  ['Space', 'Hold and drag to move the view; so does the right button'], ['Wheel', 'Zoom at the pointer; two fingers do so too'],
  ['Shift+Wheel', 'Move sideways'], ['Alt+Wheel', 'Size of the brush'],
  ['Arrows', 'Move the cursor, in finer steps the larger the view is, or step through candidates'],
  ['Enter', 'Put the tool down at the cursor, and lift it'], ['Space', 'Held at the cursor: the tool is down while arrows move it'],
  ['Shift+Arrows', 'Move the view'], ['Escape', 'Take back what the tool has begun'],
];

/** Listen while the desk's tab is open; what is typed into fields stays there. */
export function listenForKeys(desk) {
  const open = () => document.body.dataset.tab === desk.tab && !document.querySelector('dialog[open]');
  addEventListener('keyup', (event) => { if (event.key === ' ') desk.holdSpace(false); desk.cursor.release(event.key); });
  // Before the page's own listener, which leaves alone what was taken here.
  addEventListener('keydown', (event) => {
    if (!open() || isTyping(event.target)) return;
    if (take(desk, event)) { /* done */ }
    else if (event.key === ' ' && !(event.target instanceof HTMLButtonElement)) desk.holdSpace(true);
    else return;
    event.preventDefault();
  }, true);
}

function take(desk, event) {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  const onButton = event.target instanceof HTMLElement && event.target.closest('button, a, [role=listitem], [role=radio], summary');
  if (plain && desk.staged?.isShown() && desk.staged.keys[event.key] && !(onButton && event.key === 'Enter')) { desk.staged.keys[event.key](); return true; }
  if (plain && document.activeElement === desk.surface && desk.cursor.take(event)) return true;
  const found = shortcuts(desk).find(({ keys }) => fits(keys, event)) ?? (fits('Ctrl+Y', event) ? { act: () => desk.redo() } : null);
  found?.act();
  return !!found;
}

function fits(keys, event) {
  const parts = keys.split('+').filter(Boolean);
  const key = keys.endsWith('+') ? '+' : parts.at(-1);
  const ctrl = parts.includes('Ctrl');
  if ((event.ctrlKey || event.metaKey) !== ctrl || event.altKey) return false;
  if (ctrl && event.shiftKey !== parts.includes('Shift')) return false;
  return event.key.toLowerCase() === key.toLowerCase();
}

const isTyping = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(textarea|select)$/i.test(target.tagName) || (target.tagName === 'INPUT' && !/^(range|checkbox|radio|button)$/.test(target.type)) || target.getAttribute('aria-expanded') === 'true');

/** The sheet of all shortcuts. */
export function openSheet(desk) {
  const rows = [...shortcuts(desk).map(({ keys, title }) => [keys, title]), ...BY_HAND].map(([keys, title]) =>
    make('div', {}, make('dt', {}, ...keys.split(/\+(?=.)/).map((key) => make('kbd', { textContent: key }))), make('dd', { textContent: title })));
  const dialog = make('dialog', { className: 'ez-dialog ez-canvas-sheet', 'aria-label': 'Shortcuts of the canvas' }, make('h2', { textContent: 'Canvas' }), make('dl', {}, ...rows));
  dialog.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  (document.fullscreenElement ?? document.body).append(dialog);
  dialog.showModal();
}
