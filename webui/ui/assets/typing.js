// Changing what stands in a text box as typing would: Undo takes it back, and the form hears of it.

/** Put `text` in place of a part, and select what is asked for, or nothing behind it. */
export function replaceText(area, start, end, text, selected = null) {
  area.focus();
  area.setSelectionRange(start, end);
  // The one way to change a text box that Undo knows of.
  if (!document.execCommand(text ? 'insertText' : 'delete', false, text)) {
    area.setRangeText(text, start, end, 'end');
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
  const [from, to] = selected ?? [start + text.length, start + text.length];
  area.setSelectionRange(from, to);
}
