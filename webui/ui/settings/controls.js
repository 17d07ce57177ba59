// A row for each setting: its title, its sentence, its control, and a dot with reset where it is not as usual.

import { make } from '../dom.js';

const KINDS = { bool: flag, choice: menu, int: number, float: number, text };

/**
 * A row. `setting` is { name, title, help, kind, value, default, choices, low, high, step, zero, applies };
 * `set(value)` and `reset()` do it and give back what went wrong, or nothing. The row's `show(setting)` takes what has
 * changed of it since; what is typed and not saved stays.
 */
export function settingRow(given, { set, reset, disabled = false }) {
  const setting = { ...given };
  const said = make('p', { className: 'ez-setting-said', role: 'status' });
  const row = make('div', { className: 'ez-setting', id: `setting-${setting.name}` });
  const tried = async (act, done) => {
    said.textContent = '';
    said.dataset.kind = '';
    const fault = await act();
    said.textContent = fault || done;
    said.dataset.kind = fault ? 'bad' : 'good';
  };
  const change = async (value) => {
    const sent = input.value;
    await tried(() => set(value), setting.applies ? `Saved. It holds ${setting.applies}.` : 'Saved.');
    if (said.dataset.kind === 'good' && input.value === sent) row.dataset.typed = '';
  };
  const input = KINDS[setting.kind](setting, change, disabled);
  input.setAttribute('aria-describedby', `${row.id}-help`);
  input.id = `${row.id}-input`;
  if (['text', 'number'].includes(input.type)) input.addEventListener('input', () => { row.dataset.typed = 'true'; });
  const anew = () => { row.dataset.typed = ''; return reset(); };
  const back = make('button', { type: 'button', className: 'ez-reset', 'aria-label': `Reset ${setting.title}`, onclick: () => tried(anew, 'As usual again.') });
  row.show = (now) => {
    Object.assign(setting, now);
    const changed = setting.value !== setting.default;
    if (!row.dataset.typed) { if (input.type === 'checkbox') input.checked = setting.value; else input.value = setting.value; }
    if (back === document.activeElement && !changed) input.focus(); // it goes away
    Object.assign(back, { hidden: !changed || disabled, title: `Back to ${usual(setting)}` });
    row.classList.toggle('ez-changed', changed);
  };
  row.show({});
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
