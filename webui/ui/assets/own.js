// What one sets for this browser alone, and keeps in it: each with what it is as usual, and who obeys it.

const KEY = 'easel.own';
export const THEMES = ['As the system', 'Light', 'Dark'];
/** Name to what it is as usual. */
export const USUAL = { theme: THEMES[0], start_tab: 'txt2img', notify: false };

let kept = read();

function read() {
  try { return { ...JSON.parse(localStorage.getItem(KEY) ?? '{}') }; } catch { return {}; }
}

/** A setting of this browser. */
export const own = (name) => kept[name] ?? USUAL[name];

/** Set one; who shows or obeys it hears `easel:own`. */
export function setOwn(name, value) {
  kept = { ...read(), [name]: value };
  if (value === USUAL[name]) delete kept[name];
  try { localStorage.setItem(KEY, JSON.stringify(kept)); } catch { /* private mode: for this visit */ }
  tell();
}

const tell = () => document.dispatchEvent(new CustomEvent('easel:own'));

addEventListener('storage', (event) => { if (event.key === KEY || event.key === null) { kept = read(); tell(); } });

/** Forget what every form of this browser holds; the page is loaded anew. */
export function forgetForms() {
  Object.keys(localStorage).filter((key) => key.startsWith('easel.form.')).forEach((key) => localStorage.removeItem(key));
  location.reload();
}

/** Ask for leave to notify where a browser wants to be asked; whether it was given. */
export async function mayNotify() {
  if (!('Notification' in window)) return false;
  return (Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission) === 'granted';
}

/** A note outside of the page, where one wants such and the browser lets us. */
export function notify(text) {
  if (!own('notify') || !('Notification' in window) || Notification.permission !== 'granted') return;
  const note = new Notification('Easel', { body: text, tag: 'easel', icon: document.querySelector('link[rel~=icon]')?.href });
  note.onclick = () => { window.focus(); note.close(); };
}
