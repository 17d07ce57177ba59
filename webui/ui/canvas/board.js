// What is on a canvas: a picture, its frame, a layer of numbers over it, boxes; and its history.
// It knows nothing of pointers or of the page; `ondraw` and `onchange` tell whoever shows or keeps it.

import { NO_FRAME } from './frame.js';
import { History, differences, restore } from './history.js';
import { enlarge, layStroke, resized } from './raster.js';

export class Board {
  /** `kind` is 'mask' or 'classes'; `layer` a Layer. */
  constructor(kind, layer) {
    Object.assign(this, { kind, layer, picture: null, pictureId: null, unsaved: false, version: 0, colours: null, frame: NO_FRAME, boxes: [] });
    // `unsaved`: the picture was painted on since it had its id; `version` counts that; `colours`: a stroke that goes on.
    this.ondraw = () => {}; // (rectangle of pixels, or null for everything)
    this.onchange = () => {}; // after each finished change
    this.onlaid = () => {}; // while one goes on, once a frame
    this.onedit = () => {}; // after each change that can be undone
    this.history = new History(() => { this.onchange(); this.onedit(); });
    this.before = new Uint8Array(0);
    this.stroke = null;
    this.edited = null; // the rectangle that a change has touched so far
    this.waiting = null; // what of a stroke is not on the layer yet
  }

  get width() { return this.layer.width; }
  get height() { return this.layer.height; }

  /** Begin a change of the layer that may come in several parts. */
  begin() {
    if (this.before.length !== this.layer.data.length || this.stroke.width !== this.width) {
      this.before = new Uint8Array(this.layer.data.length);
      this.stroke = { data: new Uint8Array(this.layer.data.length), width: this.width, height: this.height };
    }
    this.before.set(this.layer.data);
    this.stroke.data.fill(0);
    this.edited = { left: this.width, top: this.height, right: 0, bottom: 0 };
  }

  /** Let the stroke's coverage in a rectangle count; done once a frame, however many points came. */
  lay(value, rect) {
    if (rect.right <= rect.left || rect.bottom <= rect.top) return;
    this.waiting = { value, rect: this.waiting ? enlarge(this.waiting.rect, rect) : { ...rect } };
    this.ondraw(rect);
  }

  /** Do what waits for the frame. */
  flush() {
    if (!this.waiting) return;
    const { value, rect } = this.waiting;
    this.waiting = null;
    layStroke(this.layer, this.before, this.stroke.data, value, rect, this.kind === 'classes');
    enlarge(this.edited, rect);
    this.layer.show(rect);
    this.colours?.show(rect);
    this.onlaid();
  }

  /** Say that the layer's numbers in a rectangle were changed since `begin`. */
  touched(rect) {
    if (rect.right <= rect.left || rect.bottom <= rect.top) return;
    enlarge(this.edited, rect);
    this.layer.show(rect);
    this.ondraw(rect);
  }

  /** Finish the change: it is one step of the history, or none where nothing differs. */
  commit(title) {
    this.flush();
    const squares = this.edited ? differences(this.before, this.layer.data, this.width, this.edited) : [];
    this.edited = null;
    if (!squares.length) return;
    const put = (which) => () => {
      restore(this.layer.data, this.width, squares, which);
      squares.forEach(({ square }) => this.layer.show(square));
      this.ondraw(null);
    };
    this.history.record({ title, undo: put('old'), redo: put('now') });
  }

  /** Take the change back that was begun. */
  abandon() {
    if (!this.edited) return;
    this.flush();
    this.colours = null;
    this.layer.data.set(this.before);
    this.layer.show(this.edited.right > this.edited.left ? this.edited : this.layer.whole());
    this.edited = null;
    this.ondraw(null);
  }

  /** A change of the layer in one go; `change(layer)` returns the rectangle that it touched. */
  edit(title, change) {
    this.begin();
    this.touched(change(this.layer));
    this.commit(title);
  }

  /** Everything that is on the canvas, to be brought back by `become`. */
  content() {
    const { picture, pictureId, unsaved, frame, width, height, boxes } = this;
    return { picture, pictureId, unsaved, frame, width, height, boxes, data: this.layer.data.slice() };
  }

  /** Replace what is on the canvas; what is not named stays, the layer scaled to the new size. Another picture has no frame. */
  become(change, title = null) {
    const before = this.content();
    const width = change.width ?? this.width;
    const height = change.height ?? this.height;
    const data = change.data ?? (width === this.width && height === this.height ? before.data : resized(this.layer, width, height));
    const other = 'picture' in change;
    const frame = change.frame ?? (other ? NO_FRAME : before.frame);
    const after = { ...before, ...change, frame, unsaved: !other && before.unsaved, width, height, data };
    const put = (content) => () => {
      Object.assign(this, { picture: content.picture, pictureId: content.pictureId, unsaved: content.unsaved, frame: content.frame, boxes: content.boxes });
      this.layer.become(content.width, content.height, content.data.slice());
      this.ondraw(null);
    };
    put(after)();
    if (title) this.history.record({ title, undo: put(before), redo: put(after) });
    else this.onchange();
  }

  undo() { return this.history.undo(); }
  redo() { return this.history.redo(); }
}
