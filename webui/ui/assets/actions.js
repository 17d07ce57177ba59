// What can be done with a finished picture.

import { address, get, post, remove } from './api.js';
import { iconButton, make, icon } from './dom.js';
import { currentTab, fill, fillAndStart } from './form.js';
import { openTab } from './tabs.js';
import { toast } from './toast.js';
import * as store from './store.js';

/** Parts of a request that a program can give and no form can. */
const BEYOND_FORMS = ['mask', 'class_map', 'depth_map', 'boxes', 'controls', 'loras'];

/** Fill a toolbar with the actions of a picture. */
export function pictureActions(bar, picture) {
  const download = make('a', { className: 'ez-button', href: address(`/pictures/${picture.id}`), download: '', title: 'Download' }, icon('download'), make('span', { textContent: 'Download' }));
  bar.append(
    iconButton('image', 'To img2img', () => sendToImg2img(picture)),
    iconButton('seed', 'Reuse seed', () => fill(currentTab(), { seed: picture.seed })),
    iconButton('restore', 'Restore parameters', () => restore(picture), 'Restore'),
    iconButton('copy', 'Copy parameters', () => copyParameters(picture), 'Copy'),
    download,
    iconButton('trash', 'Delete', () => discard(picture)));
}

/** Use a picture as the start image of img2img, with the words that made it. */
export const sendToImg2img = (picture) => telling(async () => {
  const [{ id }, { request }] = await Promise.all([post(`/pictures/${picture.id}/image`), parameters(picture)]);
  const { prompt, negative_prompt, model } = request;
  fill('img2img', { image: id, prompt, negative_prompt, model, width: null, height: null });
  openTab('img2img');
});

/** Bring all parameters of a picture back into the form that it came from. */
export const restore = (picture) => telling(async () => {
  const { request } = await parameters(picture);
  const tab = request.image ? 'img2img' : 'txt2img';
  fill(tab, request);
  openTab(tab);
});

export const copyParameters = (picture) => telling(async () => {
  copyText((await parameters(picture)).infotext, 'Parameters copied');
});

/** Delete at once, with Undo instead of a question. */
export const discard = (picture, whenBack = () => {}) => telling(async () => {
  const putBack = store.withdraw(picture);
  try { await remove(`/pictures/${picture.id}`); } catch (error) { putBack(); throw error; }
  const undo = () => telling(async () => { await post(`/pictures/${picture.id}/restore`); putBack(); whenBack(); });
  toast('Picture deleted', { title: 'Undo', run: undo });
});

/** Bring a request back into its form and start it; one that no form can hold is ordered as it is. */
export function tryAgain(request) {
  if (BEYOND_FORMS.some((name) => request[name]?.length)) {
    telling(async () => store.add((await post('/jobs', request)).id));
    return;
  }
  const tab = request.image ? 'img2img' : 'txt2img';
  openTab(tab);
  fillAndStart(tab, request);
}

export async function copyText(text, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // The clipboard is closed to pages served over plain http from another machine.
    const area = make('textarea', { value: text });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(said);
}

const parameters = (picture) => get(`/pictures/${picture.id}/parameters`);

async function telling(act) {
  try { await act(); } catch (error) { toast(error.message); }
}
