// An extension's ES module, loaded when it is needed; what it cannot do is said where it would be seen.

import { make } from '../dom.js';
import { toast } from '../toast.js';

/** Fill an element by a module's `mount(element, easel)`; gives a function that ends it. */
export function mounted(element, address, easel) {
  let ended = false;
  let end = null;
  import(address).then((module) => module.mount(element, easel)).then(
    (given) => { end = given; if (ended) finish(end); },
    (error) => element.replaceChildren(make('p', { className: 'ez-extension-fault', role: 'alert', textContent: fault(easel, error) })));
  return () => {
    ended = true;
    finish(end);
    easel.close();
    element.replaceChildren();
  };
}

/** Call a function of a module; an error is a note. */
export async function called(address, name, easel, ...given) {
  try {
    const module = await import(address);
    if (typeof module[name] !== 'function') throw new TypeError(`it has no function ${name}`);
    return await module[name](easel, ...given);
  } catch (error) {
    toast(fault(easel, error));
    return null;
  }
}

export function finish(end) {
  if (typeof end !== 'function') return;
  try { end(); } catch { /* it is on its way out */ }
}

const fault = (easel, error) => `The extension ${easel.extension} failed in this page: ${error?.message ?? error}`;
