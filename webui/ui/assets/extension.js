// The page as an extension may use it: one object, the same in every release of version 1.
//
// An extension's module is handed its own `easel`; nothing else of the page is promised to stay. Tabs,
// panels, buttons and scripts are declared in its studio.py. All that it added is taken back by `close`.

import { addAction } from './added_actions.js';
import * as api from './api.js';
import { currentTab, fieldsOf, fill, values } from './form.js';
import * as store from './store.js';
import { openTab } from './tabs.js';
import { toast } from './toast.js';

/** The second number rises with each addition; the first would break. */
export const version = '1.1';

/** What `on` tells of, by the event of the page that it comes from. */
const EVENTS = { tab: 'easel:tab', form: 'easel:form', job: 'easel:job', picture: 'easel:picture', settings: 'easel:settings' };

/** What an extension is handed is its own; Gradio's values are proxies, which structuredClone refuses. */
const copy = (value) => JSON.parse(JSON.stringify(value ?? null));

/** The page for one extension; `tab` is the form that it stands in, where it stands in one. */
export function connect(extension, tab = null) {
  const ends = new Set();
  const until = (end) => { ends.add(end); return () => { ends.delete(end); end(); }; };
  const own = (path) => `/extensions/${extension}${path}`;
  return {
    version,
    /** The extension's name, and the tab whose form it stands in, or null. */
    extension,
    tab,

    /**
     * Hear of 'tab' {tab}, 'form' {tab, values}, 'job' {job}, 'picture' {picture, job} and, since 1.1, 'settings' {extension, values}: those
     * of an extension, or the studio's, of which `extension` is null, once this page has kept them. Gives a function that ends it.
     */
    on(event, listener) {
      if (!EVENTS[event]) throw new TypeError(`There is no event ${event}; there are ${Object.keys(EVENTS).join(', ')}.`);
      const hear = ({ detail }) => listener(copy(detail));
      document.addEventListener(EVENTS[event], hear);
      return until(() => document.removeEventListener(EVENTS[event], hear));
    },

    form: {
      /** The form in use: 'txt2img', 'img2img', 'inpaint', 'semantic', 'upscale' or 'live'. */
      current: () => tab ?? currentTab(),
      /** Names of its parameters, as in a request. */
      fields: (form = tab ?? currentTab()) => [...fieldsOf(form)],
      /** Its values by name; of a tab that was not opened yet there are none. */
      values: (form = tab ?? currentTab()) => copy(values(form)),
      /** Bring values into it by name; others stay, and what it has no place for is left out. */
      set: (given, form = tab ?? currentTab()) => fill(form, copy(given)),
    },

    /** Open a tab: a name as in the address, `?tab=`. */
    openTab,
    /** The pictures of this browser's jobs, newest first: { id, url, seed, width, height, job, ... }. */
    pictures: () => copy(store.pictures()),
    /** Order a picture by a request; the stage follows it. Gives the job's id, or throws what is wrong as a sentence. */
    async order(request) {
      const { id } = await api.post('/jobs', request);
      await store.add(id);
      return id;
    },

    /** Add a button: { title, run(picture), place: 'picture' or 'header', icon: SVG path in a square of 24 }; gives a function that removes it. */
    addAction: ({ title, run, place = 'picture', icon = '' }) => until(addAction({ title, run, place, icon })),
    /** A short note at the foot of the page, with at most one action { title, run }. */
    toast,

    /** The extension's own routes: JSON in and out, an error is thrown as a sentence. */
    get: (path) => api.get(own(path)),
    post: (path, body) => api.post(own(path), body),
    put: (path, body) => api.put(own(path), body),
    remove: (path) => api.remove(own(path)),
    /** Its settings as they are now, by name. */
    settings: async () => (await api.get(own('/settings')))?.values ?? {},

    /** The address of a file below its `static/`. */
    file: (path) => `/extensions/${extension}/${path}`,
    /** Use a style sheet below its `static/` for as long as it is there. */
    style(path) {
      const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: this.file(path) });
      document.head.append(link);
      return until(() => link.remove());
    },

    /** Take back all of the above; the page calls it when the extension goes. */
    close() { for (const end of [...ends]) { ends.delete(end); end(); } },
  };
}

// Jobs and their pictures as events, told of once each; what was there when the page came is no news.
const told = new Map(); // job to its state and how many of its pictures were told of

store.subscribe(() => {
  for (const job of store.all()) {
    const pictures = job.pictures ?? [];
    const before = told.get(job.id) ?? { state: null, pictures: 0, known: !store.isLoaded() };
    told.set(job.id, { state: job.state, pictures: Math.max(before.pictures, pictures.length) });
    if (before.known || !store.isLoaded()) continue;
    if (before.state !== job.state) tell('easel:job', { job });
    for (const picture of pictures.slice(before.pictures)) tell('easel:picture', { picture, job });
  }
});

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
