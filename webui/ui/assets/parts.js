// The order of a prompt's parts by keyboard: what stands between two commas moves past its neighbour.

import { replaceText } from './typing.js';

/** Move the part at the caret of the text box to the left (-1) or to the right (1). */
export function shift(direction) {
  const area = document.activeElement;
  const change = shifted(area.value, area.selectionStart, direction);
  if (change) replaceText(area, change.start, change.end, change.text, change.selected);
}

/** Which part of a text to replace by what, and what to select then; null where there is no neighbour. */
export function shifted(text, caret, direction) {
  const parts = partsOf(text);
  const at = parts.findIndex(({ end }) => caret <= end);
  const [first, second] = direction < 0 ? [parts[at - 1], parts[at]] : [parts[at], parts[at + 1]];
  if (!first || !second) return null;
  const words = ({ start, end }) => text.slice(start, end).trim();
  const lead = /^\s*/.exec(text.slice(first.start, first.end))[0];
  const between = text.slice(first.end, second.start) + /^\s*/.exec(text.slice(second.start, second.end))[0];
  const made = lead + words(second) + between + words(first);
  const moved = direction < 0 ? first.start + lead.length : first.start + made.length - words(first).length;
  const length = words(direction < 0 ? second : first).length;
  return { start: first.start, end: second.end, text: made, selected: [moved, moved + length] };
}

/** Begin and end of what stands between commas outside of all brackets. */
function partsOf(text) {
  const parts = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if ('([{<'.includes(text[i])) depth += 1;
    else if (')]}>'.includes(text[i])) depth = Math.max(0, depth - 1);
    else if (text[i] === ',' && depth === 0) {
      parts.push({ start, end: i });
      start = i + 1;
    }
  }
  return [...parts, { start, end: text.length }];
}
