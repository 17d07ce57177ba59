// A finished picture becomes what another tab begins with: the picture, its mask or its map, and how it was made.

import { address, get, post } from './api.js';
import { icon, iconButton, make } from './dom.js';
import { fieldsOf, fill } from './form.js';
import { openTab } from './tabs.js';
import { telling } from './toast.js';
import { inWords } from './words.js';

/** A picture that is sent on has no frame yet. */
export const NO_FRAME = { outpaint_left: 0, outpaint_right: 0, outpaint_top: 0, outpaint_bottom: 0 };
const TABS = { txt2img: 'its words and settings', img2img: 'as the start image', inpaint: 'onto the canvas', semantic: 'as a first map', upscale: 'to be enlarged', live: 'as colours to paint on' };
/** The icon of each tab that pictures are sent to. */
export const SENT_TO = { txt2img: 'style', img2img: 'image', inpaint: 'brush', semantic: 'map', upscale: 'full', live: 'live' };
const SAMPLING = ['sampler', 'schedule', 'steps', 'guidance_scale'];
const OF_A_PICTURE = ['image', 'mask', 'class_map', 'depth_map', 'boxes', 'regions', 'controls', 'priority'];

/** The tabs that a picture can be sent to: those that are there. */
export const sendingTabs = () => Object.keys(TABS).filter((tab) => fieldsOf(tab).length);

/** Use a picture in another tab, with the words that made it. */
export const sendTo = (tab, picture) => telling(async () => {
  const { request } = await get(`/pictures/${picture.id}/parameters`);
  await (WAYS[tab] ?? asImage)(tab, picture, inWords(request));
  openTab(tab);
});

const WAYS = { txt2img: asWords, semantic: asMap, live: asColours };

/** Without its picture: drawn anew, as it was drawn. */
function asWords(tab, picture, request) {
  fill(tab, Object.fromEntries(Object.entries(request).filter(([name]) => !OF_A_PICTURE.includes(name))));
}

async function asImage(tab, picture, request) {
  const { id } = await post(`/pictures/${picture.id}/image`);
  const framed = Object.keys(NO_FRAME).some((name) => request[name]);
  fill(tab, { image: id, mask: framed ? null : request.mask ?? null, ...NO_FRAME, ...words(request), ...(tab === 'img2img' ? chosen(request, ['model', ...SAMPLING]) : {}), width: null, height: null }); // other tabs have models of their own
}

/** The map that it was drawn from, or else one that is read from its colours. */
async function asMap(tab, picture, request) {
  if (request.class_map || request.boxes?.length) { fill(tab, { ...words(request), ...chosen(request, ['class_map', 'boxes', 'regions', 'map_palette', 'width', 'height']) }); return; }
  const [{ deskOf }, { readPhoto }] = await Promise.all([import('./canvas/canvas.js'), import('./canvas/files.js')]);
  fill(tab, words(request));
  await readPhoto(deskOf(tab), await fileOf(picture));
}

async function asColours(tab, picture, request) {
  const [{ deskOf }, { takeMap }] = await Promise.all([import('./canvas/canvas.js'), import('./canvas/files.js')]);
  const desk = deskOf(tab);
  fill(tab, words(request));
  const colours = desk.sources?.all.find(({ noun }) => noun === 'colour');
  if (colours) await desk.sources.use(colours);
  await takeMap(desk, await fileOf(picture));
}

const words = ({ prompt, negative_prompt }) => ({ prompt, negative_prompt });
const chosen = (request, names) => Object.fromEntries(names.filter((name) => name in request).map((name) => [name, request[name]]));

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
