// The start image: drop, paste or choose. It goes up once; the form keeps its id.

import { address, post } from './api.js';
import { offerBatch } from './batch.js';
import { icon, make } from './dom.js';
import { restored } from './form.js';
import { settleFirst } from './settled.js';
import { shownFor } from './shown.js';
import { enrol } from './slots.js';

export function mount({ element, props, trigger, watch }, { tab, name, what, task }) {
  const well = build(element.querySelector('.ez-well'), what);
  const set = (id) => { props.value = id; trigger('change'); show(well, id); };
  const take = (file) => { if (file) well.coming = upload(well, file, set, restored(tab)); };
  enrol(tab, name, { props, trigger });
  settleFirst(tab, () => well.coming); // a file that was dropped is what is meant
  well.input.addEventListener('change', () => { take(well.input.files[0]); well.input.value = ''; });
  well.clear.addEventListener('click', () => set(null));
  listenForDrops(well.root, (files) => (name === 'image' && offerBatch(tab, files)) || take(files[0]));
  document.addEventListener('paste', (event) => {
    if (document.body.dataset.tab !== tab || name !== 'image') return;
    const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith('image/'));
    if (file) { event.preventDefault(); take(file); }
  });
  watch('value', () => show(well, props.value));
  show(well, props.value);
  if (task) shownFor(tab, element.closest(`#${tab}-${name}`) ?? element, (model) => model.task === task);
}

function build(root, what) {
  const parts = {
    root,
    image: make('img', { alt: `The ${what}`, hidden: true }),
    input: make('input', { type: 'file', accept: 'image/*', 'aria-label': `Choose the ${what}` }),
    hint: make('span', { className: 'ez-well-hint' }, icon('image'), make('span', { textContent: what === 'picture' ? 'Drop, paste or choose a picture' : `Drop or choose a ${what}` })),
    said: make('span', { className: 'ez-well-said', role: 'alert' }),
    clear: make('button', { type: 'button', className: 'ez-well-clear', title: 'Remove the image', 'aria-label': 'Remove the image', hidden: true }, icon('close')),
  };
  root.append(make('label', {}, parts.image, parts.hint, parts.input), parts.said, parts.clear);
  return parts;
}

function show(well, id) {
  well.image.hidden = well.clear.hidden = !id;
  well.hint.hidden = !!id;
  if (id) well.image.src = address(`/images/${id}`);
  else well.image.removeAttribute('src');
}

async function upload(well, file, set, kept) {
  const before = well.coming;
  well.said.textContent = '';
  well.root.dataset.busy = true;
  const body = new FormData();
  body.append('file', file);
  try {
    const [{ id }] = await Promise.all([post('/images', body), before, kept]); // the later file stays, and what was kept does not take its place
    set(id);
  } catch (error) {
    well.said.textContent = error.message;
  } finally {
    delete well.root.dataset.busy;
  }
}

function listenForDrops(root, take) {
  const over = (on) => (event) => { event.preventDefault(); root.classList.toggle('ez-over', on); };
  root.addEventListener('dragover', over(true));
  root.addEventListener('dragleave', over(false));
  root.addEventListener('drop', (event) => {
    over(false)(event);
    const files = [...event.dataTransfer.files];
    const pictures = files.filter((file) => file.type.startsWith('image/'));
    take(pictures.length ? pictures : files);
  });
}
