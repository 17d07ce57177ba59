// Leaving one of Gradio's menus with the Tab key. Its own handler of keys runs after the focus has gone, and opens the
// list again that leaving had closed; and a list that scrolls is a stop of its own on the way, which then vanishes.

/** Let Tab go from a menu to what comes after it, and the list be closed by that. */
export function leaveMenusByTab() {
  window.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' || !event.target.matches?.('input[role=combobox]')) return;
    event.stopImmediatePropagation();
    for (const list of document.querySelectorAll('ul[role=listbox]')) list.tabIndex = -1;
  }, true);
}
