// Waits, before a form is read, until the page's own controls have stored what they hold.

const waiting = new Map();

/** A control of a tab says what must be over before its form is read. */
export function settleFirst(tab, settle) {
  waiting.set(tab, [...(waiting.get(tab) ?? []), settle]);
}

export async function settled(tab) {
  await Promise.all((waiting.get(tab) ?? []).map((settle) => settle()));
}
