// What is on a canvas is kept on the server, by content: the form holds the ids, so it survives a
// reload, a restart and another tab, and a request says exactly what was painted.

import { address, post } from '../api.js';
import { NO_FRAME, SIDES } from './frame.js';
import { setSlot, slotValue } from '../slots.js';
import { toast } from '../toast.js';
import { decodePng, encodePng } from './png.js';

const WAIT_MS = 500;

export class Keeping {
  /** `slots` names the parameters: { image, layer, boxes }, each a name or null; { frame }, the beginning of four. */
  constructor(desk, tab, slots) {
    Object.assign(this, { desk, tab, slots, timer: 0, stored: null, storing: Promise.resolve(), restoring: false, bringing: null, boxes: null, colours: null });
    this.layerId = null;
    document.addEventListener('easel:slot', ({ detail }) => {
      if (detail.tab === tab && this.names().includes(detail.name)) queueMicrotask(() => this.restore());
    });
  }

  names() { return [...Object.values(this.slots), ...this.sides().map(([name]) => name)]; }

  /** Parameter and side of each side of the frame; none where the form has no frame. */
  sides() { return this.slots.frame ? SIDES.map((side) => [`${this.slots.frame}_${side}`, side]) : []; }

  /** Keep what is on the board in other slots; nothing of it is stored there yet. */
  use(slots) {
    clearTimeout(this.timer);
    Object.assign(this, { slots, layerId: null, stored: null, boxes: null, colours: null });
  }

  /** Something on the board changed: keep it soon. */
  changed() {
    if (this.restoring) return;
    const { board } = this.desk;
    this.colours = null;
    if (this.slots.image) setSlot(this.tab, this.slots.image, board.pictureId);
    for (const [name, side] of this.sides()) setSlot(this.tab, name, board.frame[side]);
    if (this.slots.boxes) setSlot(this.tab, this.slots.boxes, board.boxes.length ? board.boxes : null);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settled(), WAIT_MS);
  }

  /** Resolves when the server has what is on the board; a failure is said, and nothing is lost. */
  async settled() {
    clearTimeout(this.timer);
    this.storing = this.storing.then(() => this.storePicture()).then(() => this.store()).catch((error) => {
      setSlot(this.tab, this.slots.layer, null); // better to be asked for it than to use an old one
      this.layerId = this.stored = null;
      toast(`What you painted could not be stored: ${error.message} It is still on the canvas.`);
    });
    await this.storing;
  }

  /** A picture that was painted on becomes a new one; what is painted meanwhile is stored right after. */
  async storePicture() {
    const { board } = this.desk;
    while (board.unsaved) {
      const { version, picture } = board;
      const { id } = await post('/images', await picture.convertToBlob({ type: 'image/png' }));
      if (!board.unsaved || board.version !== version || board.picture !== picture) continue;
      Object.assign(board, { pictureId: id, unsaved: false });
      setSlot(this.tab, this.slots.image, id);
      this.desk.render();
    }
  }

  async store() {
    const { board, look } = this.desk;
    if (this.restoring || (board.kind === 'mask' && !board.picture)) return;
    const data = board.layer.data.slice();
    const empty = board.kind === 'mask' && data.every((value) => value === 0);
    const same = this.stored && this.stored.width === board.width && this.stored.data.length === data.length && this.stored.data.every((value, i) => value === data[i]);
    if (same && this.layerId) { setSlot(this.tab, this.slots.layer, this.layerId); return; }
    this.layerId = empty ? null : (await post('/images', await encodePng(data, board.width, board.height, look))).id;
    this.stored = { data, width: board.width };
    setSlot(this.tab, this.slots.layer, this.layerId);
  }

  /** Bring what the form names onto the board, where it is not there already; resolves when it is, or when it was said why not. */
  restore() {
    if (!this.restoring) this.bringing = this.bring().catch((error) => toast(error.message));
    return this.bringing;
  }

  async bring() {
    const { board } = this.desk;
    const wanted = { image: this.slots.image && slotValue(this.tab, this.slots.image), layer: slotValue(this.tab, this.slots.layer), boxes: this.slots.boxes ? slotValue(this.tab, this.slots.boxes) ?? [] : board.boxes, frame: { ...NO_FRAME, ...Object.fromEntries(this.sides().map(([name, side]) => [side, slotValue(this.tab, name) ?? 0])) } };
    const [newPicture, newLayer] = [this.slots.image && wanted.image !== board.pictureId, wanted.layer !== this.layerId && wanted.layer !== null];
    const newBoxes = JSON.stringify(wanted.boxes) !== JSON.stringify(board.boxes);
    const newFrame = SIDES.some((side) => wanted.frame[side] !== board.frame[side]);
    if (!newPicture && !newLayer && !newBoxes && !newFrame) return;
    this.restoring = true;
    this.desk.busy(true); // what is painted meanwhile would be painted over
    try {
      const change = { boxes: wanted.boxes, frame: wanted.frame };
      if (newPicture) Object.assign(change, await pictureOf(wanted.image));
      const layer = wanted.layer && (newPicture || newLayer) ? await this.layerOf(wanted.layer, change.width ?? board.width) : null;
      if (layer) Object.assign(change, { data: layer.data, width: layer.width, height: layer.height });
      else if (newPicture) change.data = new Uint8Array((change.width ?? board.width) * (change.height ?? board.height));
      this.colours = layer?.colours ?? null; // of what was brought in, until it is changed
      this.layerId = layer ? wanted.layer : newPicture ? null : this.layerId;
      this.stored = layer ? { data: layer.data, width: layer.width } : newPicture ? null : this.stored;
      board.become(change, board.pictureId || newLayer ? 'Bring in' : null);
      if (newPicture && wanted.image && wanted.layer === null) setSlot(this.tab, this.slots.layer, null);
    } finally {
      this.restoring = false;
      this.desk.busy(false);
    }
    this.desk.arrived();
  }

  /** Numbers of a kept layer; one of another width than the picture's belongs to another picture. */
  async layerOf(id, width) {
    const found = await numbersOf(id);
    if (!found || (this.slots.image && found.width !== width)) return null;
    return found;
  }
}

/** A stored picture, ready for a board. */
export async function pictureOf(id) {
  if (!id) return { picture: null, pictureId: null };
  const picture = await createImageBitmap(await (await answered(id)).blob());
  return { picture, pictureId: id, width: picture.width, height: picture.height };
}

/** Numbers of a stored grey or palette PNG; null of any other. */
export const numbersOf = async (id) => decodePng(await (await answered(id)).arrayBuffer());

async function answered(id) {
  const answer = await fetch(address(`/images/${id}`));
  if (!answer.ok) throw new Error('A picture that the canvas held is no longer on the server. Bring it in again.');
  return answer;
}
