// The controls of the dialog that makes models: each a row with its title, and what stands in it.

import { iconButton, make } from '../dom.js';

const twelve = (name) => Array.from({ length: 12 }, (_, i) => `${name}${String(i).padStart(2, '0')}`);
export const BLOCKS = ['BASE', ...twelve('IN'), 'M00', ...twelve('OUT')];
const number = (title, properties) => make('input', { type: 'number', step: 0.05, min: -10, max: 10, required: true, 'aria-label': title, ...properties });

/** The control is named by its title alone: what may be chosen in it would count as part of the label. */
export function field(title, input) {
  input.setAttribute('aria-label', title);
  return make('label', { className: 'ez-library-field' }, make('span', { textContent: title }), input);
}

/** A choice of one among a few, all of which are seen. */
export function choice(title, name, choices) {
  const inputs = choices.map(([value]) => make('input', { type: 'radio', name, value }));
  inputs[0].checked = true;
  return {
    element: make('div', { className: 'ez-making-choice', role: 'radiogroup', 'aria-label': title }, ...choices.map(([, text], i) => make('label', {}, inputs[i], make('span', { textContent: text })))),
    get value() { return inputs.find(({ checked }) => checked).value; },
  };
}

export function menu(choices) {
  return make('select', {}, ...options(choices));
}

/** Offer others; what was chosen stays where it is among them. */
export function offer(select, choices) {
  const kept = choices.some(([value]) => value === select.value) ? select.value : choices[0]?.[0] ?? '';
  select.replaceChildren(...options(choices));
  select.value = kept;
}

const options = (choices) => choices.map(([value, textContent]) => make('option', { value, textContent }));

/** A slider from 0 to 1 with a number beside, which may lie beyond. */
export function ratio(title) {
  const slider = make('input', { type: 'range', min: 0, max: 1, step: 0.05, value: 0.5, 'aria-label': `${title}, from 0 to 1` });
  const exact = number(title, { value: 0.5 });
  slider.addEventListener('input', () => { exact.value = slider.value; });
  exact.addEventListener('input', () => { slider.value = exact.value; });
  return { element: make('div', { className: 'ez-library-field ez-making-wide' }, make('span', { textContent: title }), make('div', { className: 'ez-making-ratio' }, slider, exact)), get value() { return Number(exact.value); } };
}

/** A ratio for each block, once it is asked for; they begin as the one for all. */
export function blocks(whole) {
  const asked = make('input', { type: 'checkbox' });
  const numbers = BLOCKS.map((name) => number(`Ratio of ${name}`, {}));
  const grid = make('div', { className: 'ez-making-blocks', hidden: true }, ...BLOCKS.map((name, i) => make('label', {}, make('span', { textContent: name }), numbers[i])));
  const follow = () => {
    grid.hidden = !asked.checked;
    for (const each of numbers) { each.disabled = grid.hidden; if (asked.checked) each.value = whole.value; }
  };
  asked.addEventListener('change', follow);
  follow();
  return {
    element: make('div', { className: 'ez-making-wide' }, make('label', { className: 'ez-making-check' }, asked, make('span', { textContent: 'A ratio for each block' })), grid),
    get value() { return asked.checked ? numbers.map((each) => Number(each.value)) : []; },
  };
}

/** LoRAs and their weights, as many as are asked for. */
export function loraRows(loras, changed) {
  const list = make('div', { className: 'ez-making-loras' });
  const add = () => {
    const row = make('div', { className: 'ez-making-lora' },
      make('select', { 'aria-label': 'LoRA' }, ...options(loras.map(({ id, title }) => [id, title]))),
      number('Weight', { value: 1 }),
      iconButton('close', 'Leave this LoRA out', () => { row.remove(); changed(); }, ''));
    row.children[0].addEventListener('input', () => {
      row.children[1].value = loras.find(({ id }) => id === row.children[0].value)?.weight ?? 1;
    });
    list.append(row);
    changed();
  };
  return {
    element: make('div', { className: 'ez-library-field ez-making-wide' }, make('span', { textContent: 'LoRAs' }), list,
      loras.length ? iconButton('style', 'Add a LoRA', add) : make('p', { textContent: 'No LoRA is installed.' })),
    add,
    get value() { return [...list.children].map(({ children: [which, weight] }) => ({ id: which.value, weight: Number(weight.value) })); },
  };
}
