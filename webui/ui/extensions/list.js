// The extensions that there are, asked anew whenever one came into use or went.

import { get } from '../api.js';

let known = [];
let loaded = false;
let asking = null;

export const extensions = () => known;
export const isLoaded = () => loaded;

/** Ask which there are; whoever shows them hears `easel:extension-list`. */
export function load() {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

async function ask() {
  const found = await get('/extensions').catch(() => null); // the studio is away: what is known stays
  if (!found) return;
  const before = loaded ? inUse() : null;
  known = found;
  loaded = true;
  document.dispatchEvent(new CustomEvent('easel:extension-list'));
  if (before !== null && inUse() !== before) tellOffers();
}

const inUse = () => known.filter((one) => one.in_use).map(({ name }) => name).join();

/** What extensions offer may be other than before: whoever asked the studio for it asks again. */
const tellOffers = () => document.dispatchEvent(new CustomEvent('easel:offers'));

/** Call back now, if they are known, and after each change. */
export function follow(listener) {
  document.addEventListener('easel:extension-list', listener);
  if (loaded) listener();
  return () => document.removeEventListener('easel:extension-list', listener);
}

document.addEventListener('easel:extensions', async () => {
  await asking; // what is being answered may be older than the change
  await load();
  tellOffers(); // one that was loaded anew, too
});
document.addEventListener('easel:again', load); // a hidden page hears nothing
load();
