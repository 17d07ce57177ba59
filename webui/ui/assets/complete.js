// Names to choose from while a prompt is written: after < LoRAs, hypernetworks, embeddings, styles and wildcards,
// after __ wildcards.

import { get } from './api.js';
import { make } from './dom.js';
import { setSlot, slotValue } from './slots.js';
import { replaceText } from './typing.js';

const MOST = 50;
const FRESH_MS = 20_000;

let asked = null;
let when = 0;
let open = null; // { list, area, items, at }
let count = 0;

/** Offer names in a prompt box. */
export function attachCompletion(element, area, tab) {
  area.setAttribute('aria-autocomplete', 'list');
  area.addEventListener('input', () => offer(element, area, tab));
  area.addEventListener('keydown', keyed);
  area.addEventListener('blur', close);
  area.addEventListener('click', close);
}

/** Ask for the names anew: some were saved or deleted. */
export function forgetWords() {
  asked = null;
}

function words() {
  if (!asked || Date.now() - when > FRESH_MS) {
    when = Date.now();
    asked = get('/prompts/words').catch(() => { asked = null; return { loras: [], hypernetworks: [], embeddings: [], styles: [], wildcards: [] }; });
  }
  return asked;
}

async function offer(element, area, tab) {
  const place = area.selectionStart;
  const typed = typedName(area.value.slice(0, place));
  const known = typed && await words();
  if (document.activeElement !== area || area.selectionStart !== place) return;
  const items = typed ? fitting(typed, known, tab) : [];
  if (!items.length) { close(); return; }
  show(element, area, items);
}

/** What is being typed before the caret: its kind, its letters and how many to replace. */
function typedName(before) {
  const tag = /<(?:(lora|lyco|hypernet|hypernetwork):)?([^<>:\n]*)$/i.exec(before);
  if (tag) return { kind: tag[1] ? (/^h/i.test(tag[1]) ? 'hypernetwork' : 'lora') : 'any', name: tag[2], length: tag[0].length };
  const parts = before.split('__');
  const last = parts.at(-1);
  if (parts.length % 2 === 0 && /^[^\s_<>{}|,()[\]][^\n_<>{}|,()[\]]*$|^$/.test(last)) return { kind: 'wildcard', name: last, length: last.length + 2 };
  return null;
}

function fitting({ kind, name }, known, tab) {
  const item = (sort, title, text, act) => ({ sort, title, text, act });
  const wildcards = known.wildcards.map((one) => item('wildcard', one, `__${one}__`));
  const loras = known.loras.map((one) => item('LoRA', one, `<lora:${one}:1>`));
  const hypernetworks = known.hypernetworks.map((one) => item('hypernetwork', one, `<hypernet:${one}:1>`));
  const rest = [
    ...known.embeddings.map((one) => item('embedding', one, one)),
    ...known.styles.map((one) => item('style', one, '', () => addStyle(tab, one))),
  ];
  const all = { lora: loras, hypernetwork: hypernetworks, wildcard: wildcards, any: [...loras, ...hypernetworks, ...rest, ...wildcards] }[kind];
  const sought = name.trim().toLowerCase();
  const rank = ({ title }) => (title.toLowerCase().startsWith(sought) ? 0 : 1);
  return all.filter(({ title }) => title.toLowerCase().includes(sought)).sort((a, b) => rank(a) - rank(b)).slice(0, MOST);
}

function addStyle(tab, name) {
  setSlot(tab, 'styles', [...new Set([...(slotValue(tab, 'styles') ?? []), name])]);
}

function show(element, area, items) {
  close();
  const id = `ez-complete-${++count}`;
  const options = items.map((item, i) => make('div', {
    id: `${id}-${i}`, role: 'option', 'aria-selected': 'false', className: 'ez-complete-item',
    onpointerdown: (event) => { event.preventDefault(); choose(i); },
  }, make('span', { textContent: item.title }), make('small', { textContent: item.sort })));
  const list = make('div', { id, role: 'listbox', className: 'ez-complete', 'aria-label': 'Names' }, ...options);
  list.style.top = `${area.getBoundingClientRect().bottom - element.getBoundingClientRect().top + 4}px`;
  element.append(list);
  area.setAttribute('aria-controls', id);
  open = { list, area, items, at: 0 };
  move(0);
}

function close() {
  if (!open) return;
  open.list.remove();
  open.area.removeAttribute('aria-controls');
  open.area.removeAttribute('aria-activedescendant');
  open = null;
}

function move(by) {
  const options = [...open.list.children];
  open.at = (open.at + by + options.length) % options.length;
  options.forEach((option, i) => option.setAttribute('aria-selected', i === open.at));
  options[open.at].scrollIntoView({ block: 'nearest' });
  open.area.setAttribute('aria-activedescendant', options[open.at].id);
}

function choose(place) {
  const { area, items } = open;
  const { text, act } = items[place];
  close();
  const end = area.selectionStart;
  // What is there now: more may have been typed since the names were shown, while newer ones are asked for.
  const { length } = typedName(area.value.slice(0, end)) ?? { length: 0 };
  replaceText(area, end - length, end, text);
  act?.();
}

const KEYS = {
  ArrowDown: () => move(1), ArrowUp: () => move(-1), Escape: close,
  Enter: () => choose(open.at), Tab: () => choose(open.at),
};

function keyed(event) {
  if (!open || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault(); // the page's shortcuts leave such a key alone
  event.stopPropagation();
  KEYS[event.key]();
}
