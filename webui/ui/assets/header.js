// The header: tabs, model, queue, worker, theme and help, kept up to date by the studio's events.

import { addedButtons } from './added_actions.js';
import { listenAnywhere } from './anywhere.js';
import { address, get } from './api.js';
import { icon } from './dom.js';
import { currentTab, values } from './form.js';
import { leaveMenusByTab } from './menus.js';
import { modelOf } from './models.js';
import { openQueue, queueChanged } from './queue.js';
import { listenForKeys, openHelp } from './shortcuts.js';
import { mountTabs, openTab } from './tabs.js';
import { mountTheme } from './theme.js';
import { mountTitle } from './title.js';

const WORKER = { ready: 'Ready', starting: 'Starting', gone: 'Restarting', away: 'Studio away', unknown: 'Connecting' };

export function mount({ element }, { tabs }) {
  const at = (name) => element.querySelector('.ez-' + name);
  mountTabs(tabs);
  at('nav').addEventListener('click', (event) => {
    const link = event.target.closest('a[data-tab]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openTab(link.dataset.tab);
  });
  mountTheme(at('theme'));
  at('help').append(icon('help'));
  at('help').addEventListener('click', openHelp);
  at('queue').addEventListener('click', openQueue);
  listenForKeys();
  leaveMenusByTab();
  listenAnywhere();
  showQueue(at('queue'), { queued: 0, running: 0 });
  document.addEventListener('easel:form', (event) => showModel(at('model'), event.detail));
  showModel(at('model'), { tab: currentTab(), values: values(currentTab()) });
  const showAdded = () => at('header-added').replaceChildren(...addedButtons('header'));
  document.addEventListener('easel:actions', showAdded);
  showAdded();
  mountTitle();
  listen(at);
}

async function showModel(badge, { tab, values }) {
  if (tab !== currentTab()) return;
  const model = await modelOf(values.model);
  badge.textContent = model?.title ?? '';
  badge.dataset.family = model?.family ?? '';
}

/**
 * The studio's event stream, open only while the page is seen: a browser allows six connections to a host over all
 * tabs. What happened while there was none, the stream does not tell; who keeps a list of something hears `easel:again`.
 */
function listen(at) {
  let stream = null;
  let isFirst = true; // until one was open, broke off or was closed: the page may have read its lists before
  let isAgain = false;
  const open = () => {
    stream = new EventSource(address('/events'));
    stream.onopen = () => { isAgain = !isFirst; isFirst = false; };
    stream.addEventListener('queue', (event) => {
      showQueue(at('queue'), JSON.parse(event.data));
      queueChanged();
      if (isAgain) document.dispatchEvent(new CustomEvent('easel:again')); // from its first message on nothing is missed
      isAgain = false;
    });
    stream.addEventListener('worker', (event) => showWorker(at('worker'), JSON.parse(event.data)));
    for (const name of ['download', 'download-gone', 'library', 'extensions'])
      stream.addEventListener(name, (event) => document.dispatchEvent(new CustomEvent(`easel:${name}`, { detail: JSON.parse(event.data) })));
    stream.onerror = () => {
      isFirst = false;
      showWorker(at('worker'), { state: 'away', device: '', detail: 'The studio does not answer; it may be restarting.' });
    };
  };
  const follow = () => {
    if (document.hidden) { stream?.close(); stream = null; isFirst = false; } else if (!stream) open();
  };
  document.addEventListener('visibilitychange', follow);
  setInterval(() => { if (stream?.readyState === EventSource.CLOSED) { isFirst = false; open(); } }, 3000);
  follow();
  get('/health').then(({ worker }) => worker && showWorker(at('worker'), worker)).catch(() => {});
}

function showQueue(button, { queued, running, paused }) {
  const all = queued + running;
  button.replaceChildren(icon(paused ? 'pause' : 'queue'), String(all));
  button.title = `${running} running, ${queued} waiting${paused ? ', paused' : ''}`;
  button.setAttribute('aria-label', `Queue: ${button.title}`);
  button.dataset.busy = all > 0;
  if ((document.body.dataset.queue === 'paused') === Boolean(paused)) return;
  document.body.dataset.queue = paused ? 'paused' : 'open';
  document.dispatchEvent(new CustomEvent('easel:queue'));
}

// 'CUDA:0' of one device; 'CUDA ×2' of several of a kind.
function shortName(devices) {
  const names = devices.map((device) => device.replace(/^(cpu|cuda:\d+)\b.*$/i, (_, kind) => kind.toUpperCase()));
  const kinds = new Set(names.map((name) => name.split(':')[0]));
  if (names.length === 1) return names[0];
  return kinds.size === 1 ? `${[...kinds][0]} ×${names.length}` : names.join(' + ');
}

function showWorker(pill, { state, device, detail }) {
  pill.dataset.state = state;
  const name = state === 'ready' && device ? shortName(device.split(' + ')) : WORKER[state] ?? state;
  pill.textContent = name;
  pill.title = [device, detail].filter(Boolean).join('. ');
  if (document.body.dataset.worker === state) return;
  document.body.dataset.worker = state;
  document.dispatchEvent(new CustomEvent('easel:worker'));
}
