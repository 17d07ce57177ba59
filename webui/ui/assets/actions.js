// What can be done with a finished picture.

import { addedButtons } from './added_actions.js';
import { address, get, post, remove } from './api.js';
import { iconButton, make, icon } from './dom.js';
import { currentTab, fieldsOf, fill, fillAndStart } from './form.js';
import { models } from './models.js';
import { NO_FRAME, sendButton, sendTo } from './sending.js';
import { openTab } from './tabs.js';
import { telling, toast } from './toast.js';
import * as store from './store.js';
import { inWords, templateOf } from './words.js';

/** Parts of a request that not every form has a place for. */
const PARTS = { image: 'image', mask: 'mask', class_map: 'class map', depth_map: 'depth map', boxes: 'boxes', class_label: 'class', controls: 'controls', loras: 'LoRAs', regions: 'region prompts' };
const TAB_OF_TASK = { inpaint: 'inpaint', semantic: 'semantic', layout: 'semantic', upscale: 'upscale' };

/** Fill a toolbar with the actions of a picture. */
export function pictureActions(bar, picture) {
  const download = make('a', { className: 'ez-button', href: address(`/pictures/${picture.id}`), download: '', title: 'Download' }, icon('download'), make('span', { textContent: 'Download' }));
  bar.append(
    iconButton('image', 'To img2img', () => sendTo('img2img', picture), 'img2img'),
    iconButton('brush', 'To inpaint', () => sendTo('inpaint', picture), 'inpaint'),
    iconButton('full', 'To upscale', () => sendTo('upscale', picture), 'upscale'),
    sendButton(picture),
    iconButton('seed', 'Reuse seed', () => fill(currentTab(), { seed: picture.seed }), 'Seed'),
    iconButton('restore', 'Restore parameters', () => restore(picture), 'Restore'),
    iconButton('copy', 'Copy parameters', () => copyParameters(picture), 'Copy'),
    download,
    ...addedButtons('picture', picture),
    iconButton('trash', 'Delete', () => discard([picture])));
}

/** Bring all parameters of a picture back into the form that can show them. */
export const restore = (picture) => telling(async () => {
  const told = await parameters(picture);
  const { priority, ...made } = told.request; // whose turn it was is no part of a picture
  const request = inWords(made);
  const tab = await tabFor(request);
  fill(tab, request);
  openTab(tab);
  const left = leftOut(tab, request);
  const template = templateOf(request);
  if (told.notes.length) toast(['Brought back.', ...told.notes].join(' '));
  else if (left.length) toast(`Brought back without its ${left.join(', ')}: the ${tab} tab has no place for them.`);
  else if (template) toast('These are the words that were drawn', { title: 'Use their template', run: () => fill(tab, template) });
});

/** The tab whose form a request belongs into, by what it names and by its model's task. */
export async function tabFor(request) {
  const task = (await models()).find((model) => model.id === request.model)?.task;
  const drawnOn = Object.keys(NO_FRAME).some((name) => request[name]);
  const wanted = request.mask || drawnOn ? 'inpaint' : request.upscaler !== 'Model' ? 'upscale' : request.class_map || request.boxes?.length ? 'semantic' : TAB_OF_TASK[task] ?? (request.image ? 'img2img' : 'txt2img');
  return fieldsOf(wanted).length ? wanted : request.image ? 'img2img' : 'txt2img';
}

/** What a request has and a tab's form has no place for, in words. */
function leftOut(tab, request) {
  const fields = fieldsOf(tab);
  return Object.keys(PARTS).filter((name) => request[name]?.length && !fields.includes(name)).map((name) => PARTS[name]);
}

export const copyParameters = (picture) => telling(async () => {
  copyText((await parameters(picture)).infotext, 'Parameters copied');
});

/** Delete at once, with Undo instead of a question; `back` is told of each picture that is there again. */
export const discard = (pictures, back = () => {}) => telling(async () => {
  const there = pictures.map((picture) => ({ picture, putBack: store.withdraw(picture) }));
  const returns = ({ picture, putBack }) => { putBack(); back(picture); };
  const gone = [];
  try {
    for (const one of there) { await remove(`/pictures/${one.picture.id}`); gone.push(one); }
  } finally {
    there.slice(gone.length).forEach(returns);
    const undo = () => telling(async () => {
      for (const one of gone) { await post(`/pictures/${one.picture.id}/restore`); returns(one); }
    });
    if (gone.length) toast(gone.length === 1 ? 'Picture deleted' : `${gone.length} pictures deleted`, { title: 'Undo', run: undo });
  }
});

/** Bring a request back into its form and start it; one that no form can hold is ordered as it is. */
export const tryAgain = (ordered) => telling(async () => {
  const request = inWords(ordered);
  const tab = await tabFor(request);
  if (leftOut(tab, request).length) {
    await store.add((await post('/jobs', request)).id);
    return;
  }
  openTab(tab);
  fillAndStart(tab, request);
});

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
