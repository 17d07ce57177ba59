// A canvas that paints one of several things: flat colours that a picture begins with, or a map of classes. Each
// has a board of its own; the form has what is painted on the one in use alone.

import { make } from '../dom.js';
import { setSlot, slotValue } from '../slots.js';

const TITLES = { colour: ['Colours', 'Paint the colours that a picture begins with'], class: ['Map', 'Paint a map of classes, each drawn by its words'] };
const QUIET = ['classes', 'palette', 'look'];

export class Sources {
  /** `all` is { noun, slots, palette, only } each; `only` names the form's controls that it alone has a use for. */
  constructor(desk, all) {
    Object.assign(this, { desk, all, used: all[0], held: new Map(), switching: null });
    this.choice = make('div', { className: 'ez-canvas-group ez-canvas-sources', role: 'radiogroup', 'aria-label': 'Paint' }, ...all.map((source) =>
      make('button', { type: 'button', className: 'ez-canvas-word', role: 'radio', textContent: TITLES[source.noun][0], title: TITLES[source.noun][1], onclick: () => this.use(source) })));
    // What a form is filled with, or had before a reload, may be of another.
    document.addEventListener('easel:slot', ({ detail }) => {
      const source = all.find(({ slots }) => slots.layer === detail.name);
      if (detail.tab === desk.tab && source && source !== this.used && slotValue(desk.tab, detail.name)) this.use(source);
    });
    document.addEventListener('easel:form', ({ detail }) => { if (detail.tab === desk.tab) this.render(); });
    this.render();
  }

  /** Let only one kind be painted, or again any; whether another one is taken for that. */
  only(noun) {
    this.allowed = noun;
    this.render();
    const wanted = this.all.find((source) => source.noun === noun);
    if (!wanted || wanted === this.used || this.switching) return false;
    this.use(wanted);
    return true;
  }

  /** Paint another; what was painted before is there again when one comes back. */
  async use(source) {
    if (source === this.used || this.switching) return;
    this.switching = this.change(source);
    try { await this.switching; } finally { this.switching = null; }
  }

  async change(source) {
    const { desk, used } = this;
    const { board, keeping } = desk;
    await keeping.settled();
    const { past, future } = board.history;
    this.held.set(used, { content: board.content(), past, future, ...Object.fromEntries(QUIET.map((name) => [name, desk[name]])) });
    const found = this.held.get(source);
    const colours = source.palette.map(({ colour }) => colour);
    this.used = source;
    Object.assign(desk, { noun: source.noun, palette: source.palette, classes: source.palette.map(({ name }) => name), look: colours, size: null }, found && Object.fromEntries(QUIET.map((name) => [name, found[name]])));
    desk.options.value = 0;
    keeping.use(source.slots);
    for (const name of Object.values(used.slots)) if (name) setSlot(desk.tab, name, null);
    board.layer.colour(desk.colours());
    Object.assign(board.history, { past: found?.past ?? [], future: found?.future ?? [] });
    const wanted = slotValue(desk.tab, source.slots.layer); // of a form that was filled
    keeping.restoring = !!wanted;
    board.become(found?.content ?? { data: new Uint8Array(board.width * board.height), boxes: [] });
    keeping.restoring = false;
    desk.anew();
    if (wanted) await keeping.restore();
    await desk.follow(desk.followed ?? {});
    this.render();
  }

  render() {
    [...this.choice.children].forEach((element, i) => {
      element.setAttribute('aria-checked', this.all[i] === this.used);
      element.disabled = !!this.allowed && this.all[i].noun !== this.allowed;
    });
    for (const source of this.all)
      for (const name of source.only) {
        const element = document.getElementById(`${this.desk.tab}-${name}`);
        if (element) element.style.display = source === this.used ? '' : 'none';
      }
  }
}
