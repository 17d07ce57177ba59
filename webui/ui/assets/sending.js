// A finished picture becomes what another tab begins with: the picture, its mask or its map, and how it was made.

import { address, get, post } from './api.js';
import { icon, iconButton, make } from './dom.js';
import { fieldsOf, fill } from './form.js';
import { models } from './models.js';
import { openTab } from './tabs.js';
import { telling } from './toast.js';
import { inWords } from './words.js';

/** A picture that is sent on has no frame yet. */
export const NO_FRAME = { outpaint_left: 0, outpaint_right: 0, outpaint_top: 0, outpaint_bottom: 0 };
const TABS = { txt2img: 'its words and settings', img2img: 'as the start image', inpaint: 'onto the canvas', semantic: 'as a first map', upscale: 'to be enlarged', live: 'as colours to paint on', control: 'as a control picture of txt2img' };
/** The icon of each tab that pictures are sent to. */
export const SENT_TO = { txt2img: 'style', img2img: 'image', inpaint: 'brush', semantic: 'map', upscale: 'full', live: 'live', control: 'lines' };
const OF_A_MODEL = ['model', 'sampler', 'schedule', 'steps', 'guidance_scale', 'vae', 'clip_skip', 'flow_shift', 'distilled_guidance_scale', 'noise_schedule'];
const OF_A_PICTURE = ['image', 'mask', 'class_map', 'depth_map', 'boxes', 'regions', 'controls', 'priority'];
const OF_A_MAP = ['class_map', 'boxes', 'regions', 'map_driver', 'map_palette', 'width', 'height', 'seed'];
/** What a picture says of itself that another made of it is not told: it has its own size, noise and number. */
const NOT_CARRIED = [...OF_A_PICTURE, ...OF_A_MODEL, 'width', 'height', 'seed', 'variation_seed', 'variation_strength', 'count', 'plot', 'upscaler', 'upscale_factor', 'upscale_width', 'upscale_height'];
const STARTED = ['denoising_strength', 'loops', 'final_strength', 'strength_curve']; // of one that began with a picture
/** Tasks of models that are a tab's own; one of another task stays where it is, and so do the settings that suit it. */
const OWN_TASKS = { img2img: null, inpaint: ['inpaint'], semantic: ['semantic', 'layout'], upscale: ['upscale'], live: ['semantic'] };

/** The tabs that a picture can be sent to: those that are there. */
export const sendingTabs = () => Object.keys(TABS).filter((tab) => fieldsOf(formOf(tab)).length);

/** The form that is filled: control pictures are a part of txt2img's. */
const formOf = (tab) => (tab === 'control' ? 'txt2img' : tab);

/** Use a picture in another tab, with the words that made it and what was chosen for it. */
export const sendTo = (tab, picture) => telling(async () => {
  const told = await get(`/pictures/${picture.id}/parameters`);
  const request = inWords(told.request);
  await (WAYS[tab] ?? asImage)(formOf(tab), picture, request, await carried(tab, request, told.chosen));
  openTab(formOf(tab));
});

const WAYS = { txt2img: asWords, semantic: asMap, live: asColours, control: asControl };

/** Words and settings that go along to another tab: what was chosen and means something there. */
async function carried(tab, request, chosenNames) {
  const suits = tab in OWN_TASKS && (OWN_TASKS[tab] === null || OWN_TASKS[tab].includes((await models()).find(({ id }) => id === request.model)?.task));
  const names = chosenNames.filter((name) => !NOT_CARRIED.includes(name) && (request.image || !STARTED.includes(name)));
  return { ...words(request), ...of(request, names), ...(suits ? of(request, OF_A_MODEL) : {}) };
}

/** Without its picture: drawn anew, as it was drawn. What steered it does so again, unless that was of its start image. */
function asWords(tab, picture, request) {
  const left = OF_A_PICTURE.filter((name) => name !== 'controls' || request.image);
  fill(tab, Object.fromEntries(Object.entries(request).filter(([name]) => !left.includes(name))));
}

async function asImage(tab, picture, request, settings) {
  const { id } = await post(`/pictures/${picture.id}/image`);
  const framed = Object.keys(NO_FRAME).some((name) => request[name]);
  fill(tab, { ...settings, image: id, mask: framed ? null : request.mask ?? null, ...NO_FRAME, width: null, height: null });
}

/** The map that it was drawn from, or else one that is read from its colours. */
async function asMap(tab, picture, request, settings) {
  if (hasMap(request)) { fill(tab, { ...settings, ...of(request, OF_A_MAP) }); return; }
  const [{ deskOf }, { readPhoto }] = await Promise.all([import('./canvas/canvas.js'), import('./canvas/files.js')]);
  fill(tab, settings);
  await readPhoto(deskOf(tab), await fileOf(picture));
}

const hasMap = (request) => !!request.class_map || !!request.boxes?.length;

/** A control picture, of a controlnet that is chosen in the panel: the first, unless the picture had another. */
async function asControl(tab, picture, request, settings) {
  const nets = await get('/adapters?kind=controlnet');
  if (!nets.length) throw new Error('No controlnet is installed, so nothing can follow the picture. Put one into the models folder.');
  const { id } = await post(`/pictures/${picture.id}/image`);
  const adapter = nets.find((net) => net.id === request.controls?.[0]?.adapter)?.id ?? nets[0].id;
  fill(tab, { ...settings, controls: [{ adapter, image: id, weight: 1, start: 0, end: 1 }], width: picture.width ?? null, height: picture.height ?? null });
}

async function asColours(tab, picture, request, settings) {
  if (hasMap(request)) { fill(tab, { ...settings, ...of(request, OF_A_MAP) }); return; }
  const [{ deskOf }, { takeMap }] = await Promise.all([import('./canvas/canvas.js'), import('./canvas/files.js')]);
  const desk = deskOf(tab);
  fill(tab, settings);
  const colours = desk.sources?.all.find(({ noun }) => noun === 'colour');
  if (colours) await desk.sources.use(colours);
  await takeMap(desk, await fileOf(picture));
}

const words = ({ prompt, negative_prompt }) => ({ prompt, negative_prompt });
const of = (request, names) => Object.fromEntries(names.filter((name) => name in request).map((name) => [name, request[name]]));

async function fileOf({ id }) {
  const answer = await fetch(address(`/pictures/${id}`));
  if (!answer.ok) throw new Error('The picture is no longer on the server.');
  return new File([await answer.blob()], 'picture.png', { type: 'image/png' });
}

/** A button that opens the list of all tabs that a picture can be sent to. */
export function sendButton(picture) {
  const list = make('dialog', { className: 'ez-menu', 'aria-label': 'Send to' });
  const close = () => list.close();
  const entry = (tab) => make('button', { type: 'button', className: 'ez-menu-entry', onclick: () => { close(); sendTo(tab, picture); } }, icon(SENT_TO[tab]), make('strong', { textContent: tab }), make('span', { textContent: TABS[tab] }));
  const open = () => {
    list.replaceChildren(...sendingTabs().map(entry));
    document.body.append(list);
    list.showModal();
    place(list, button);
  };
  list.addEventListener('click', (event) => { if (event.target === list) close(); });
  list.addEventListener('close', () => list.remove());
  const button = iconButton('send', 'Send to another tab', open, 'Send to');
  button.setAttribute('aria-haspopup', 'dialog');
  return button;
}

/** Above the button, within the window. */
function place(list, button) {
  const [at, own] = [button.getBoundingClientRect(), list.getBoundingClientRect()];
  list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - own.width - 8))}px`;
  list.style.top = `${Math.max(8, at.top - own.height - 8)}px`;
}
