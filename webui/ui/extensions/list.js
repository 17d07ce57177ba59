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
  known = found;
  loaded = true;
  document.dispatchEvent(new CustomEvent('easel:extension-list'));
}

/** Call back now, if they are known, and after each change. */
export function follow(listener) {
  document.addEventListener('easel:extension-list', listener);
  if (loaded) listener();
  return () => document.removeEventListener('easel:extension-list', listener);
}

document.addEventListener('easel:extensions', load);
document.addEventListener('visibilitychange', () => { if (!document.hidden) load(); }); // a hidden page hears nothing
load();
