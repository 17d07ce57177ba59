// The gallery's bin: shown while something is in it, emptied after a question.

import { get, remove } from './api.js';
import { icon, make } from './dom.js';
import { toast } from './toast.js';

/** A button that says how many pictures are in the bin; `refresh` counts anew. */
export function binButton() {
  const element = make('button', { type: 'button', className: 'ez-button ez-bin', hidden: true, onclick: () => ask(refresh) });
  const refresh = async () => {
    let bin;
    try { bin = await get('/bin'); } catch { return; }
    element.hidden = !bin.pictures;
    element.title = bin.refusal ?? 'Empty the bin';
    element.disabled = Boolean(bin.refusal);
    element.replaceChildren(icon('trash'), make('span', { textContent: `Bin: ${bin.pictures}` }));
  };
  return { element, refresh };
}

async function ask(refresh) {
  const { pictures, bytes } = await get('/bin');
  const which = pictures === 1 ? 'The deleted picture' : `The ${pictures} deleted pictures`;
  const keep = make('button', { type: 'button', className: 'ez-button', textContent: 'Keep', onclick: () => dialog.close() });
  const empty = make('button', { type: 'button', className: 'ez-button ez-danger', textContent: 'Empty the bin', onclick: async () => { dialog.close(); await emptyBin(); refresh(); } });
  const dialog = make('dialog', { className: 'ez-dialog ez-bin-dialog', 'aria-labelledby': 'ez-bin-title' },
    make('h2', { id: 'ez-bin-title', textContent: 'Empty the bin?' }),
    make('p', { textContent: `${which} (${size(bytes)}) will be removed for good. Nothing brings ${pictures === 1 ? 'it' : 'them'} back.` }),
    make('div', { className: 'ez-bin-actions' }, keep, empty));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  keep.focus();
}

async function emptyBin() {
  try {
    const { pictures, bytes } = await remove('/bin');
    toast(`${pictures} ${pictures === 1 ? 'picture' : 'pictures'} removed, ${size(bytes)}.`);
  } catch (error) {
    toast(error.message);
  }
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);
