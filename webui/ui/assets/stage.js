// The stage: the running preview or the chosen picture as large as fits, progress, actions, strip.

import { cards } from './cards.js';
import { comparison } from './compare.js';
import { duration, make } from './dom.js';
import { mountStrip } from './strip.js';
import { pictureActions } from './actions.js';
import * as store from './store.js';
import { address } from './api.js';
import { NO_FRAME } from './sending.js';

/** Build the stage once; later only what changed is touched, so that nothing jumps. */
export function mount({ element, props, watch }, { samples }) {
  const parts = build(element.querySelector('.ez-stage'));
  const view = { parts, samples, refusal: null };
  watch('value', () => answered(view, props.value));
  store.subscribe(() => render(view));
  mountStrip(parts.strip);
  for (const event of ['easel:worker', 'easel:queue', 'easel:tab', 'easel:actions']) document.addEventListener(event, () => render(view));
  render(view);
  store.load();
}

function build(stage) {
  const parts = {
    stage,
    picture: make('img', { className: 'ez-picture', alt: '', draggable: true, hidden: true }),
    grid: make('div', { className: 'ez-grid', hidden: true }),
    card: make('div', { className: 'ez-cards', hidden: true }),
    line: make('div', { className: 'ez-line', role: 'progressbar', 'aria-label': 'Progress', 'aria-valuemin': '0' }, make('i')),
    text: make('p', { className: 'ez-said', role: 'status' }),
    detail: make('p', { className: 'ez-detail' }),
    note: make('p', { className: 'ez-note', role: 'note', hidden: true }),
    actions: make('div', { className: 'ez-actions', role: 'toolbar', 'aria-label': 'Picture' }),
    strip: make('div', { className: 'ez-strip', role: 'list', 'aria-label': 'Results, newest first', tabIndex: 0 }),
  };
  parts.compare = comparison();
  parts.frame = make('div', { className: 'ez-frame' }, parts.picture, parts.compare.element, parts.grid, parts.card);
  const words = make('div', { className: 'ez-words' }, parts.text, parts.detail);
  stage.append(parts.frame, parts.line, make('div', { className: 'ez-below' }, words, parts.actions), parts.note, parts.strip);
  return parts;
}

function answered(view, value) {
  if (!value) return;
  view.refusal = value.error ? { ...value.error, tab: document.body.dataset.tab, chosen: store.chosen() } : null;
  if (value.job) store.add(value.job);
  if (value.batch) store.addBatch(value.batch);
  document.dispatchEvent(new CustomEvent('easel:answered', { detail: value }));
  scrollTo({ top: 0 }); // on a phone the stage is above the form
  render(view);
}

function render(view) {
  const job = store.shownJob();
  const picture = shownPicture(job);
  const { parts } = view;
  document.body.dataset.active = store.active().length > 0;
  parts.stage.dataset.empty = store.isLoaded() && !store.all().length;
  if (view.refusal && view.refusal.chosen !== store.chosen()) view.refusal = null; // somebody looks at a picture again
  const card = cardFor(view, job, picture);
  showCard(parts, card);
  showPicture(parts, job, picture, card);
  parts.compare.show(document.body.dataset.tab === 'upscale' && !card && !isDrawnOn(job?.request) ? picture : null, job?.request?.image);
  showProgress(parts, job);
  showWords(parts, job, picture, card);
  parts.actions.replaceChildren();
  if (picture && !card) pictureActions(parts.actions, picture, job);
  parts.actions.hidden = !parts.actions.childElementCount;
}

/** Whether a picture reaches beyond the one that it began with, which does not lie under it then. */
const isDrawnOn = (request) => Object.keys(NO_FRAME).some((side) => request?.[side]);

function shownPicture(job) {
  if (!job) return null;
  const chosen = store.chosen();
  const mine = job.pictures ?? [];
  if (chosen?.picture) return withJob(mine.find((p) => p.id === chosen.picture) ?? null, job);
  return store.isActive(job) || mine.length !== 1 ? null : withJob(mine[0], job);
}

const withJob = (picture, job) => picture && { ...picture, job: job.id };

/** The card that takes the frame's place, with a key that tells when it must be drawn anew. */
function cardFor(view, job, picture) {
  if (view.refusal && view.refusal.tab === document.body.dataset.tab) return { key: 'refusal' + view.refusal.sentences.join(), draw: () => cards.refusal(view.refusal, () => { view.refusal = null; render(view); }) };
  if (job?.state === 'failed' && !picture) return { key: 'failed' + job.id, draw: () => cards.failed(job) };
  if (job?.state === 'cancelled' && !picture && !job.pictures?.length) return { key: 'cancelled' + job.id, draw: () => cards.cancelled(job) };
  if (!job && store.isLoaded()) return { key: 'welcome', draw: () => cards.welcome(view.samples) };
  return null;
}

function showCard(parts, card) {
  parts.card.hidden = !card;
  if (!card) { parts.card.replaceChildren(); delete parts.card.dataset.key; return; }
  if (parts.card.dataset.key === card.key) return;
  parts.card.dataset.key = card.key;
  parts.card.replaceChildren(card.draw());
}

function showPicture(parts, job, picture, card) {
  const several = !picture && !!job && !store.isActive(job) && (job.pictures?.length ?? 0) > 1;
  showGrid(parts.grid, several && !card ? job : null);
  const source = card || several ? null : picture?.url ?? job?.preview ?? latestBefore(job);
  parts.picture.hidden = !source;
  if (!source) { parts.picture.removeAttribute('src'); return; }
  if (parts.picture.getAttribute('src') !== source) parts.picture.src = source;
  parts.picture.alt = described(job, picture);
  const size = picture ?? job?.request ?? {};
  parts.picture.style.setProperty('--ratio', size.width && size.height ? `${size.width} / ${size.height}` : 'auto');
  parts.picture.style.setProperty('--shape', size.width && size.height ? size.width / size.height : 1);
  parts.picture.classList.toggle('ez-waiting', !picture && !job?.preview);
}

/** What the picture in the frame is, in words. */
function described(job, picture) {
  const prompt = job?.request?.prompt ?? '';
  return picture || !job?.preview ? prompt : [`Preview${ofSeveral(job)}`, prompt].filter(Boolean).join(': ');
}

const ofSeveral = (job) => (job.request?.count > 1 && job.previewIndex != null ? ` of picture ${job.previewIndex + 1} of ${job.request.count}` : '');

/** While a job waits for its first preview, the last result stays in sight, dimmed. */
function latestBefore(job) {
  if (!job || !store.isActive(job)) return null;
  return job.pictures?.at(-1)?.url ?? store.pictures().find((p) => p.job !== job.id)?.url ?? null;
}

function showGrid(grid, job) {
  grid.hidden = !job;
  const key = job ? job.pictures.map((p) => p.id).join() : '';
  if (grid.dataset.key === key) return;
  grid.dataset.key = key;
  grid.replaceChildren();
  if (!job) return;
  const { width, height } = job.pictures[0];
  const columns = columnsFor(job.pictures.length, width / height);
  const sizes = { '--columns': columns, '--rows': Math.ceil(job.pictures.length / columns), '--shape': width / height };
  for (const [name, value] of Object.entries(sizes)) grid.style.setProperty(name, value);
  for (const picture of job.pictures)
    grid.append(make('button', { type: 'button', title: `Seed ${picture.seed}`, onclick: () => store.choose(job.id, picture.id) },
      make('img', { src: picture.url, alt: `Picture ${picture.index + 1} of ${job.pictures.length}`, width, height })));
}

const columnsFor = (count, shape) => Math.max(1, Math.min(count, Math.round(Math.sqrt((count * 1.3) / shape))));

function showProgress({ line }, job) {
  const going = !!job && store.isActive(job);
  const part = going && job.steps ? job.step / job.steps : 0;
  line.dataset.state = going ? (job.state === 'running' && job.step ? 'running' : 'waiting') : 'idle';
  line.firstElementChild.style.transform = `scaleX(${part})`;
  line.setAttribute('aria-valuenow', going ? job.step : 0);
  line.setAttribute('aria-valuemax', going ? job.steps || 1 : 1);
}

function showWords({ text, detail, note }, job, picture, card) {
  const [said, more] = card || !job ? ['', ''] : words(job, picture);
  if (text.textContent !== said) text.textContent = said;
  if (detail.textContent !== more) detail.textContent = more;
  note.hidden = card || !job?.note;
  if (note.textContent !== (job?.note ?? '')) note.textContent = job?.note ?? '';
}

function words(job, picture) {
  if (!store.isConnected() && store.isActive(job)) return ['Reconnecting', 'the job goes on by itself'];
  if (job.state === 'queued' && NOT_READY[worker()]) return [NOT_READY[worker()], job.place ? `${job.place} before this one` : ''];
  if (job.state === 'queued' && document.body.dataset.queue === 'paused') return ['The queue is paused', job.place ? `${job.place} before this one` : 'Next when it goes on'];
  if (job.state === 'queued') return [job.place ? `Queued, ${job.place} before this one` : 'Queued, next in line', WAITS[job.request?.priority] ?? ''];
  if (job.state === 'running') return running(job);
  const shown = picture ?? job.pictures?.[0];
  if (!shown) return ['', ''];
  const count = job.pictures.length > 1 && !picture ? `${job.pictures.length} pictures` : `Seed ${shown.seed}`;
  const took = job.finished && job.started ? ` · ${duration(job.finished - job.started)}` : '';
  const partly = job.state === 'cancelled' ? 'Cancelled · ' : '';
  return [partly + count, `${shown.width} × ${shown.height}${took}`];
}

const WAITS = { High: 'goes first', Low: 'in the background: others go first' };
const worker = () => document.body.dataset.worker;
const NOT_READY = { starting: 'Waiting for the engine to start', gone: 'The engine stopped and is started again' };

function running(job) {
  if (!job.step) return ['Starting', ''];
  const left = job.secondsLeft == null ? '' : `${job.secondsLeft < 1 ? 'under 1 s' : duration(Math.round(job.secondsLeft))} left`;
  const which = job.preview && ofSeveral(job) ? `picture ${job.previewIndex + 1} of ${job.request.count}` : '';
  return [`Step ${job.step} of ${job.steps}`, [which, left].filter(Boolean).join(' · ')];
}

/** Full screen for the picture on the stage, and back. */
export function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.querySelector('.ez-frame')?.requestFullscreen?.();
}

/** The picture on the stage, or null: what keyboard shortcuts act on. */
export const pictureOnStage = () => shownPicture(store.shownJob());
export const thumbnail = (id) => address(`/pictures/${id}/thumbnail?size=256`);
