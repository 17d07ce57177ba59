// Prompts from a list: a text that is typed, pasted or read from a file, with a job a line over the form's settings.

import { make } from './dom.js';
import { settled } from './settled.js';
import { toast } from './toast.js';

const PLACES = { start: 'before the form’s', end: 'behind the form’s', instead: 'in place of the form’s' };
const SEEDS = { own: 'as the form has it', same: 'the same for all lines', next: 'the next for each line' };
const MOST_BYTES = 1_000_000;
const HINT = 'a red house by day\n--prompt two pines in snow --steps 30 --seed 5\n--prompt a boat --negative_prompt fog --width 512';

export function mount({ element, props, trigger }, { tab }) {
  const root = element.querySelector('.ez-batch');
  const text = make('textarea', { rows: 7, spellcheck: false, placeholder: HINT, 'aria-label': 'List of prompts' });
  const file = make('input', { type: 'file', accept: '.txt,text/plain', 'aria-label': 'Read a file' });
  const place = menu('Where a line’s prompts stand', PLACES);
  const seeds = menu('Seeds of lines that say none', SEEDS);
  const go = make('button', { type: 'button', className: 'ez-button', id: `${tab}-prompt-list-go` });
  const count = () => text.value.split(/\r\n|\r|\n/).filter((line) => line.trim()).length;
  const render = () => {
    go.textContent = count() ? `Draw ${count()} ${count() === 1 ? 'line' : 'lines'}` : 'Draw the list';
    go.disabled = !count();
  };
  text.addEventListener('input', render);
  file.addEventListener('change', async () => {
    const [chosen] = file.files;
    file.value = '';
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) { toast(`${chosen.name} is too large for a list; a text of up to 1 MB was expected.`); return; }
    text.value = await chosen.text();
    render();
  });
  go.addEventListener('click', async () => {
    await settled(tab);
    props.value = { lines: text.value, place: place.value, seeds: seeds.value, stamp: Date.now() };
    trigger('submit');
  });
  root.append(make('label', { className: 'ez-batch-drop' }, make('span', { textContent: 'Read a text file' }), file), text,
    labelled('A line’s prompts stand', place), labelled('Seeds of lines that say none', seeds), make('div', { className: 'ez-batch-go' }, go));
  render();
}

function menu(label, choices) {
  return make('select', { 'aria-label': label }, ...Object.entries(choices).map(([value, textContent]) => make('option', { value, textContent })));
}

function labelled(title, control) {
  return make('label', { className: 'ez-batch-field' }, title, control);
}
