// Light, dark, or as the system says; kept in the browser.

import { icon } from './dom.js';

const KEY = 'easel.theme';
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const ICON = { auto: 'auto', light: 'sun', dark: 'moon' };
const system = matchMedia('(prefers-color-scheme: dark)');

export function mountTheme(button) {
  button.addEventListener('click', () => { localStorage.setItem(KEY, NEXT[chosen()]); apply(button); });
  system.addEventListener('change', () => apply(button));
  apply(button);
}

const chosen = () => (localStorage.getItem(KEY) in NEXT ? localStorage.getItem(KEY) : 'auto');

function apply(button) {
  const theme = chosen();
  document.body.classList.toggle('dark', theme === 'dark' || (theme === 'auto' && system.matches));
  button.replaceChildren(icon(ICON[theme]));
  button.title = `Theme: ${theme === 'auto' ? 'as the system' : theme}`;
}
