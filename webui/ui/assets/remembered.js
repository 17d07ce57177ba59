// Lists of ids that a browser keeps and all its tabs share.
//
// A list is read anew before each change: a tab that wrote down what it once read would bring back
// what another tab took out since, and lose what another put in.

/** The list under a key; of this visit alone where the browser stores nothing. */
export function remembered(key, most = Infinity) {
  let unstored = null;

  function read() {
    if (unstored) return unstored;
    try {
      const kept = JSON.parse(localStorage.getItem(key) ?? '[]');
      return Array.isArray(kept) ? kept.filter((id) => typeof id === 'string') : [];
    } catch {
      return [];
    }
  }

  function change(alter) {
    const list = alter(read()).slice(0, most);
    try { localStorage.setItem(key, JSON.stringify(list)); } catch { unstored = list; } // private mode, or full
    return list;
  }

  return {
    read,
    /** Put some in front of all others; returns the list. */
    add: (...ids) => change((list) => [...ids, ...list.filter((id) => !ids.includes(id))]),
    /** Take some out; returns the list. */
    drop: (...ids) => change((list) => list.filter((id) => !ids.includes(id))),
    /** Call back with the list after each change that another tab made. */
    whenChangedElsewhere: (listener) => addEventListener('storage', (event) => { if (event.key === key || event.key === null) listener(read()); }),
  };
}
