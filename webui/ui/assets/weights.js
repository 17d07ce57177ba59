// Weights by keyboard: what is selected, or the word at the caret, becomes (word:1.1), and on from there.

import { replaceText } from './typing.js';

const STEP = 0.1;
const TAG_STEP = 0.05;
const BARE = 1.1; // what round brackets without a number are
const BETWEEN_WORDS = /[\s.,\\/!?%^*;:{}=`~()[\]<>|]/;

/** Make what is chosen in the text box weigh more (1) or less (-1). */
export function weigh(direction) {
  const area = document.activeElement;
  const change = changed(area.value, area.selectionStart, area.selectionEnd, direction);
  if (change) replaceText(area, change.start, change.end, change.text, change.selected);
}

/** Which part of a text to replace by what, and what to select then; null where there is no word. */
export function changed(text, start, end, direction) {
  return tagChanged(text, start, end, direction) ?? bracketChanged(text, ...chosen(text, start, end), direction);
}

/** In <lora:name:0.8>, its first number. */
function tagChanged(text, start, end, direction) {
  const opening = text.lastIndexOf('<', start - 1);
  const closing = text.indexOf('>', Math.max(start, opening));
  if (opening < 0 || closing < end || text.slice(opening + 1, start).includes('>') || text.slice(start, closing).includes('<')) return null;
  const found = /^(<\w+:[^:<>]+)(?::\s*([-+]?(?:\d+\.?\d*|\.\d+))(?=[:>]))?/.exec(text.slice(opening, closing + 1));
  if (!found) return null;
  const from = opening + found[1].length;
  const weight = `:${written((found[2] === undefined ? 1 : Number(found[2])) + direction * TAG_STEP)}`;
  return { start: from, end: opening + found[0].length, text: weight, selected: [from + 1, from + weight.length] };
}

function bracketChanged(text, start, end, direction) {
  if (start === end) return null;
  const words = text.slice(start, end);
  const behind = /^(?::\s*([-+]?(?:\d+\.?\d*|\.\d+)))?\s*\)/.exec(text.slice(end));
  const held = text[start - 1] === '(' && text[start - 2] !== '\\' && behind;
  const before = held ? Number(behind[1] ?? BARE) : 1;
  const weight = written(before + direction * STEP);
  const [from, to] = held ? [start - 1, end + behind[0].length] : [start, end];
  const made = weight === '1' ? words : `(${words}:${weight})`;
  const first = from + (weight === '1' ? 0 : 1);
  return { start: from, end: to, text: made, selected: [first, first + words.length] };
}

/** What is selected, without space around it; else what the brackets around the caret hold; else the word. */
function chosen(text, start, end) {
  if (start !== end) {
    const words = text.slice(start, end);
    const from = start + words.length - words.trimStart().length;
    return [from, from + words.trim().length];
  }
  const inside = /\(([^()]*)$/.exec(text.slice(0, start));
  const rest = /^([^():]*)(?::\s*[-+\d.]+\s*)?\)/.exec(text.slice(start));
  if (inside && rest && !inside[1].includes(':')) return [start - inside[1].length, start + rest[1].length];
  let from = start, to = start;
  while (from > 0 && !BETWEEN_WORDS.test(text[from - 1])) from -= 1;
  while (to < text.length && !BETWEEN_WORDS.test(text[to])) to += 1;
  return [from, to];
}

const written = (weight) => String(Number(weight.toFixed(2)));
