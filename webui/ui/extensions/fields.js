// A control for each argument or setting of an extension, made of what its model says.

import { make } from '../dom.js';

/** Controls of all fields, in one block; `changed(name, value)` is called with what a person sets. */
export function fieldControls(fields, values, changed) {
  return fields.map((field) => control(field, values[field.name] ?? field.default, (value) => changed(field.name, value)));
}

const KINDS = { bool: flag, choice, int: number, float: number, text };

function control(field, value, changed) {
  const element = make('div', { className: 'ez-extension-field', title: field.help });
  const set = (given) => { element.classList.toggle('ez-changed', given !== field.default); changed(given); };
  const rebuild = (given) => element.replaceChildren(...KINDS[field.kind](field, given, set), reset);
  const reset = make('button', {
    type: 'button', className: 'ez-reset', title: `Back to ${field.default}`, 'aria-label': `Reset ${field.title}`,
    onclick: () => { rebuild(field.default); set(field.default); },
  });
  rebuild(value);
  element.classList.toggle('ez-changed', value !== field.default);
  return element;
}

function flag(field, value, set) {
  const input = make('input', { type: 'checkbox', checked: value, onchange: () => set(input.checked) });
  return [make('label', { className: 'ez-extension-flag' }, input, make('span', { textContent: field.title }))];
}

function choice(field, value, set) {
  const menu = make('select', { onchange: () => set(menu.value) },
    ...field.choices.map((one) => make('option', { value: one, textContent: one, selected: one === value })));
  return [labelled(field, menu)];
}

function text(field, value, set) {
  const input = make('input', { type: 'text', value, onchange: () => set(input.value) });
  return [labelled(field, input)];
}

/** A number alone, or with a slider where both of its ends are known. */
function number(field, value, set) {
  const { low, high, kind } = field;
  const step = field.step ?? (kind === 'int' ? 1 : low !== null && high !== null ? (high - low) / 100 : 'any');
  const ends = { min: low, max: high, step };
  const input = make('input', { type: 'number', ...ends, value });
  const take = (given) => {
    const whole = kind === 'int' ? Math.round(given) : given;
    const kept = Math.min(high ?? Infinity, Math.max(low ?? -Infinity, Number.isFinite(whole) ? whole : field.default));
    input.value = kept;
    place(kept);
    set(kept);
  };
  const slider = low !== null && high !== null ? make('input', { type: 'range', ...ends, 'aria-label': field.title, oninput: () => take(slider.valueAsNumber) }) : null;
  const place = (given) => {
    if (!slider) return;
    slider.value = given;
    slider.style.setProperty('--part', `${(100 * (given - low)) / (high - low || 1)}%`);
  };
  place(value);
  input.addEventListener('change', () => take(input.valueAsNumber));
  const label = labelled(field, input);
  label.classList.toggle('ez-extension-range', slider !== null);
  return slider ? [label, slider] : [label];
}

const labelled = (field, input) => make('label', { className: 'ez-number' }, make('span', { textContent: field.title }), input);
