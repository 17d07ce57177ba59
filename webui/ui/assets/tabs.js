// Which tab is open: told by the address (`?tab=`), so that links, reload and Back work.

import { make } from './dom.js';
import { setCurrentTab } from './form.js';
import { own } from './own.js';

let names = [];

export function mountTabs(all) {
  names = all;
  window.addEventListener('popstate', () => show(fromAddress()));
  show(fromAddress());
}

export function openTab(name) {
  if (name === document.body.dataset.tab) return;
  const url = new URL(location.href);
  url.searchParams.set('tab', name);
  history.pushState(null, '', url);
  show(name);
  window.scrollTo(0, 0); // not where another tab was read
}

/** Add a tab behind the others; gives a function that takes it out again. */
export function addTab(name, title) {
  const link = make('a', { href: `?tab=${name}`, textContent: title });
  link.dataset.tab = name;
  document.querySelector('.ez-nav').append(link);
  names.push(name);
  if (new URL(location.href).searchParams.get('tab') === name) show(name); // the address was there before it
  return () => {
    link.remove();
    names = names.filter((other) => other !== name);
    if (document.body.dataset.tab === name) openTab(names[0]);
  };
}

/** Open a tab again, where it is there again. */
export const reopenTab = (name) => { if (names.includes(name)) openTab(name); };

/** Open the tab at a place in the order, counted from 1. */
export const openTabAt = (place) => { if (names[place - 1]) openTab(names[place - 1]); };

function fromAddress() {
  const wanted = new URL(location.href).searchParams.get('tab');
  return [wanted, own('start_tab')].find((name) => names.includes(name)) ?? names[0];
}

function show(name) {
  document.body.dataset.tab = name;
  setCurrentTab(name);
  for (const link of document.querySelectorAll('.ez-nav a'))
    if (link.dataset.tab === name) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
    else link.removeAttribute('aria-current');
  document.dispatchEvent(new CustomEvent('easel:tab', { detail: { tab: name } }));
}
