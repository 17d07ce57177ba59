// A row for each setting: its title, its sentence, its control, and a dot with reset where it is not as usual.

import { make } from '../dom.js';

const KINDS = { bool: flag, choice: menu, int: number, float: number, text };

/**
 * A row. `setting` is { name, title, help, kind, value, default, choices, low, high, step, zero, applies };
 * `set(value)` and `reset()` do it and give back what went wrong, or nothing.
 */
export function settingRow(setting, { set, reset, disabled = false }) {
  const said = make('p', { className: 'ez-setting-said', role: 'status' });
  const row = make('div', { className: 'ez-setting', id: `setting-${setting.name}` });
  const tried = async (act, done) => {
    said.textContent = '';
    said.dataset.kind = '';
    const fault = await act();
    said.textContent = fault || done;
    said.dataset.kind = fault ? 'bad' : 'good';
  };
  const change = (value) => tried(() => set(value), setting.applies ? `Saved. It holds ${setting.applies}.` : 'Saved.');
  const input = KINDS[setting.kind](setting, change, disabled);
  const changed = setting.value !== setting.default;
  input.setAttribute('aria-describedby', `${row.id}-help`);
  input.id = `${row.id}-input`;
  const back = make('button', { type: 'button', className: 'ez-reset', hidden: !changed || disabled, title: `Back to ${usual(setting)}`, 'aria-label': `Reset ${setting.title}`, onclick: () => tried(reset, 'As usual again.') });
  row.classList.toggle('ez-changed', changed);
  row.append(
    make('div', { className: 'ez-setting-words' },
      make('div', { className: 'ez-setting-title' }, make('label', { htmlFor: input.id, textContent: setting.title }), back),
      make('p', { id: `${row.id}-help`, textContent: [setting.help, setting.zero ? `${['choice', 'text'].includes(setting.kind) ? 'Empty' : '0'} is ${setting.zero}.` : ''].filter(Boolean).join(' ') })),
    make('div', { className: 'ez-setting-control' }, input),
    said);
  return row;
}

const usual = ({ default: value, kind, zero }) => (kind === 'bool' ? (value ? 'on' : 'off') : value === '' || value === 0 ? (zero.split(':')[0] || String(value)) : String(value));

function flag({ value }, change, disabled) {
  const input = make('input', { type: 'checkbox', role: 'switch', checked: value, disabled, onchange: () => change(input.checked) });
  return input;
}

function menu({ value, choices, zero }, change, disabled) {
  const select = make('select', { disabled, onchange: () => change(select.value) },
    ...choices.map((one) => make('option', { value: one, textContent: one || zero.split(':')[0], selected: one === value })));
  return select;
}

function text({ value }, change, disabled) {
  const input = make('input', { type: 'text', value, disabled, spellcheck: false, autocomplete: 'off', onchange: () => change(input.value.trim()) });
  return input;
}

function number({ value, low, high, step, kind }, change, disabled) {
  const input = make('input', { type: 'number', value, min: low, max: high, step: kind === 'int' ? 1 : 'any', disabled });
  input.addEventListener('change', () => change(Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : input.value));
  if (step) input.addEventListener('keydown', (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    input.value = Math.min(high, Math.max(low, Math.round((input.valueAsNumber + way * step) / step) * step)).toFixed(2).replace(/\.?0+$/, '');
    input.dispatchEvent(new Event('change'));
  });
  return input;
}
