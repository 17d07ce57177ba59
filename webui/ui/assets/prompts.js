// Below each prompt box: how many tokens it takes, where its grammar broke, what its choices may become.

import { post } from './api.js';
import { attachCompletion } from './complete.js';
import { clampText, make } from './dom.js';
import { currentTab, values } from './form.js';
import { followModel } from './shown.js';
import { attachPasting } from './pasting.js';

const PAUSE_MS = 250;
const OPENED_MS = 150; // until boxes are there
const SHOWN = 2; // problems
const MANY = 1000; // the studio counts no further
const BOXES = ['prompt', 'negative_prompt', 'hires_prompt', 'hires_negative_prompt'];
const FIELDS = [...BOXES, 'model', 'hires_model', 'styles', 'steps', 'hires_steps', 'seed', 'emphasis', 'prompt_choices', 'extensions'];
const CHOICE = /[{|]|__/; // what chance or place decides

const wanted = new Map(); // tab to its latest question
const answers = new Map(); // and to its latest answer
const timers = new Map();

/** Stand beside a tab's prompt boxes; they come one by one, so look at each change of the form. */
export function mount(_, { tab }) {
  followModel(tab, (model) => wordless(tab, model));
  document.addEventListener('easel:form', (event) => { if (event.detail.tab === tab) askSoon(tab); });
  document.addEventListener('click', ({ target }) => { if (target.closest?.(`#${tab}-fold-hires > button`)) setTimeout(showAll, OPENED_MS, tab); });
  document.addEventListener('easel:words', () => { wanted.delete(tab); ask(tab); });
  begin(tab);
}

/** What was kept may have filled the form before anybody listened here, or before the box was there. */
function begin(tab) {
  if (boxOf(tab, 'prompt')) askSoon(tab);
  else setTimeout(begin, OPENED_MS, tab);
}

function askSoon(tab) {
  showAll(tab); // what was answered before a box came
  clearTimeout(timers.get(tab));
  timers.set(tab, setTimeout(() => ask(tab), PAUSE_MS));
}

/** A model that reads no text is asked without any; a retrieval model's prompt names its vectors. */
function wordless(tab, model) {
  const hidden = model && !model.reads_text && model.task !== 'retrieval';
  for (const name of [...BOXES, 'style-row', 'fold-words']) {
    const element = document.getElementById(`${tab}-${name}`);
    if (element) element.style.display = hidden ? 'none' : '';
  }
}

/** A prompt's box with its count and its notes, made when it is first there. */
function boxOf(tab, name) {
  const element = document.getElementById(`${tab}-${name}`);
  const area = element?.querySelector('textarea');
  if (!area) return null;
  if (!element.dataset.prompt) {
    element.dataset.prompt = name;
    attachCompletion(element, area, tab);
    if (name === 'prompt') attachPasting(element, area);
    element.append(
      make('span', { className: 'ez-count', 'aria-hidden': 'true' }),
      make('div', { className: 'ez-reading', role: 'status' }));
  }
  return { area, optional: name.startsWith('hires_'), count: element.querySelector('.ez-count'), notes: element.querySelector('.ez-reading') };
}

async function ask(tab) {
  const now = values(tab);
  const question = Object.fromEntries(FIELDS.map((name) => [name, now[name]]).filter(([, value]) => value !== null && value !== undefined && value !== ''));
  const text = JSON.stringify(question);
  if (wanted.get(tab) === text || tab !== currentTab()) return;
  wanted.set(tab, text);
  let answer;
  try { answer = await post('/prompts/reading', { prompt: '', ...question }); } catch { wanted.delete(tab); return; }
  if (wanted.get(tab) !== text) return; // an older answer came late
  answers.set(tab, answer);
  showAll(tab);
}

function showAll(tab) {
  const answer = answers.get(tab);
  for (const name of BOXES) {
    const box = boxOf(tab, name);
    if (box && answer) show(box, answer[name], name === 'prompt' ? answer.ways : null);
  }
}

function show(box, reading, ways) {
  const { places, room, cut, problems, drawn } = reading;
  const unused = box.optional && !box.area.value.trim(); // then it is as the first pass
  box.count.textContent = places === null || unused ? '' : `${places}/${room}`;
  box.count.title = places === null ? '' : `${places} of ${room} tokens; a longer prompt takes further rows.`;
  box.count.classList.toggle('ez-over', cut > 0);
  const notes = problems.slice(0, SHOWN).map((problem) => noteOf(box.area, problem));
  if (cut > 0) notes.push(make('p', { textContent: `Too long: the last ${cut} tokens will not be read.` }));
  if (drawn !== null && !problems.length) notes.push(make('p', { className: 'ez-drawn', title: drawn }, make('span', { textContent: CHOICE.test(box.area.value) ? 'For example ' : 'Becomes ' }), clampText(drawn, 400)));
  if (ways !== null) notes.push(make('p', { className: 'ez-ways', textContent: ways === 1 ? 'One prompt in all.' : `${ways >= MANY ? 'More than a thousand' : ways} prompts in all.` }));
  const said = notes.map((note) => note.outerHTML).join('');
  if (box.notes.dataset.said === said) return;
  box.notes.dataset.said = said;
  box.notes.replaceChildren(...notes);
}

/** A problem: the piece that it is about, marked in its surroundings, and what became of it. */
function noteOf(area, { start, end, sentence }) {
  const text = area.value;
  const whole = end - start >= text.length;
  const piece = make('button', { type: 'button', title: 'Show it in the prompt', onclick: () => { area.focus(); area.setSelectionRange(start, end); } },
    text.slice(Math.max(0, start - 12), start).trimStart(), make('mark', { textContent: clampText(text.slice(start, end), 40) }), text.slice(end, end + 12));
  return make('p', { className: 'ez-problem' }, ...(whole ? [] : [piece]), make('span', { textContent: whole ? sentence : sentence.replace(/ \(….*?…\)/s, '') }));
}
