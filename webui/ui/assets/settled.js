// Waits, before a form is read, until the page's own controls have stored what they hold.

const holding = new Map();
const following = new Map();

/** A control of a tab says what must be over before its form is read. */
export const settleFirst = (tab, settle) => add(holding, tab, settle);

/** So does one whose value follows from what the others hold: it is asked once they have stored that. */
export const settleLast = (tab, settle) => add(following, tab, settle);

/** Resolves when the form has what its controls hold, and before what follows from it. */
export const stored = (tab) => over(holding, tab);

export async function settled(tab) {
  await stored(tab);
  await over(following, tab);
}

const add = (waiting, tab, settle) => waiting.set(tab, [...(waiting.get(tab) ?? []), settle]);
const over = (waiting, tab) => Promise.all((waiting.get(tab) ?? []).map((settle) => settle()));
