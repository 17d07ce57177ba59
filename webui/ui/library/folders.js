// Folders of models that are used where they lie: those of other programs too, and of other disks.

import { get, post, remove } from '../api.js';
import { icon, iconButton, make } from '../dom.js';
import { toast } from '../toast.js';

/** `changed` is called when other folders are looked through. */
export function openFolders(changed) {
  const view = { list: make('div', { className: 'ez-folder-list', role: 'list' }), said: make('p', { className: 'ez-library-said', role: 'alert' }) };
  const path = make('input', { type: 'text', placeholder: 'The whole path of a folder', 'aria-label': 'Folder', autocomplete: 'off', spellcheck: false, required: true, maxLength: 1000 });
  const add = make('button', { type: 'submit', textContent: 'Add' });
  view.form = make('form', { hidden: true }, make('div', { className: 'ez-library-source' }, path, add), view.said);
  view.dialog = make('dialog', { className: 'ez-library-install', 'aria-label': 'Folders of models' },
    make('h2', { textContent: 'Folders of models' }),
    make('p', { textContent: 'Files are used where they lie; nothing is copied. The folder of AUTOMATIC1111, Forge, ComfyUI or Fooocus may be added as it is.' }),
    view.list, view.form,
    make('button', { type: 'button', className: 'ez-icon ez-look-close', 'aria-label': 'Close', onclick: () => view.dialog.close() }, icon('close')));
  view.form.addEventListener('submit', async (event) => {
    event.preventDefault();
    add.disabled = true;
    view.said.textContent = '';
    try {
      show(view, await post('/library/folders', { path: path.value }), changed);
      path.value = '';
      changed();
    } catch (error) { view.said.textContent = error.message; }
    add.disabled = false;
  });
  view.dialog.addEventListener('close', () => view.dialog.remove());
  document.body.append(view.dialog);
  view.dialog.showModal();
  get('/library/folders').then((all) => show(view, all, changed)).catch((error) => toast(error.message));
}

function show(view, { refusal, folders }, changed) {
  view.form.hidden = refusal !== null;
  view.list.replaceChildren(...(refusal ? [make('p', { textContent: refusal })] : folders.map((folder) => row(view, folder, changed))));
}

function row(view, folder, changed) {
  const drop = async () => {
    try {
      show(view, await remove(`/library/folders?path=${encodeURIComponent(folder.path)}`), changed);
      changed();
    } catch (error) { view.said.textContent = error.message; }
  };
  return make('div', { className: 'ez-folder', role: 'listitem' },
    make('div', {}, make('b', { textContent: folder.path }), make('small', { textContent: facts(folder) })),
    folder.is_added ? iconButton('trash', `Remove ${folder.path}`, drop, '') : '');
}

function facts({ program, is_there: isThere, is_added: isAdded, count }) {
  if (!isThere) return isAdded ? 'Is not there now' : 'Is not there yet';
  return [program, `${count} ${count === 1 ? 'model or adapter' : 'models and adapters'}`].filter(Boolean).join(' · ');
}
