// Light, dark, or as the system says; one of the browser's own settings.

import { icon } from './dom.js';
import { THEMES, own, setOwn } from './own.js';

const ICONS = ['auto', 'sun', 'moon'];
const system = matchMedia('(prefers-color-scheme: dark)');

export function mountTheme(button) {
  button.addEventListener('click', () => setOwn('theme', THEMES[(chosen() + 1) % THEMES.length]));
  document.addEventListener('easel:own', () => apply(button));
  system.addEventListener('change', () => apply(button));
  apply(button);
}

const chosen = () => Math.max(0, THEMES.indexOf(own('theme')));

function apply(button) {
  const theme = chosen();
  document.body.classList.toggle('dark', theme === 2 || (theme === 0 && system.matches));
  button.replaceChildren(icon(ICONS[theme]));
  button.title = `Theme: ${THEMES[theme].toLowerCase()}`;
}
