// What stands on the stage instead of a picture: the first visit, no model, refusals, failures.

import { get } from './api.js';
import { clampText, iconButton, make } from './dom.js';
import { copyText, tryAgain } from './actions.js';
import { currentTab, fillAndStart } from './form.js';
import { openTab } from './tabs.js';
import * as store from './store.js';

export const cards = {
  /** Sample prompts as picture cards; one click fills the form and starts. */
  welcome(samples) {
    const card = make('div', { className: 'ez-welcome' },
      make('h2', { textContent: 'Describe a picture, or start from one of these' }),
      make('div', { className: 'ez-samples' }, ...samples.map(sampleCard)));
    withModels((models) => { if (!models.length) card.replaceWith(noModel()); });
    return card;
  },

  /** The form was not accepted; it stays as it was. */
  refusal({ title, sentences }, dismiss) {
    return notice(title, sentences, 'The form is as you left it.',
      iconButton('copy', 'Copy details', () => copyText(sentences.join('\n'), 'Details copied')),
      iconButton('close', 'Dismiss', dismiss));
  },

  /** The job ended without its pictures. */
  failed(job) {
    const reason = job.error ?? 'The job failed without giving a reason.';
    return notice('This picture failed', [reason], promptOf(job),
      iconButton('retry', 'Try again', () => { store.forget(job.id); tryAgain(job.request); }),
      iconButton('copy', 'Copy details', () => copyText(`${reason}\n${JSON.stringify(job.request, null, 2)}`, 'Details copied')),
      iconButton('close', 'Dismiss', () => store.forget(job.id)));
  },

  cancelled(job) {
    return notice('Cancelled', [], promptOf(job),
      iconButton('retry', 'Start again', () => { store.forget(job.id); tryAgain(job.request); }),
      iconButton('close', 'Dismiss', () => store.forget(job.id)));
  },
};

const promptOf = (job) => (job.request?.prompt ? `Prompt: ${clampText(job.request.prompt, 300)}` : '');

function sampleCard(sample) {
  const picture = sample.picture
    ? make('img', { src: sample.picture, alt: '', loading: 'lazy', onerror: (event) => event.target.remove() })
    : '';
  return make('button', { type: 'button', className: 'ez-sample', onclick: () => start(sample) },
    make('span', { className: 'ez-sample-picture' }, picture),
    make('span', { className: 'ez-sample-words', textContent: sample.prompt }));
}

function start(sample) {
  const tab = currentTab() === 'txt2img' ? 'txt2img' : (openTab('txt2img'), 'txt2img');
  fillAndStart(tab, { prompt: sample.prompt, seed: sample.seed });
}

const TRAIN = 'python launch.py train starter';

function noModel() {
  return notice('No model is installed', [
    'Easel found no checkpoint in its models folder. Put a diffusers folder there, or train the small starter model on this machine:',
    `\`${TRAIN}\``,
  ], 'Then load this page again.',
    iconButton('copy', 'Copy the command', () => copyText(TRAIN, 'Command copied')),
    iconButton('retry', 'Load again', () => location.reload()));
}

async function withModels(then) {
  try { then(await get('/models')); } catch { /* the header says that the studio is away */ }
}

function notice(title, sentences, footnote, ...buttons) {
  return make('div', { className: 'ez-notice', role: 'alert' },
    make('h2', { textContent: title }),
    ...sentences.map((sentence) => make('p', {}, ...withCode(sentence))),
    ...(footnote ? [make('p', { className: 'ez-foot', textContent: footnote })] : []),
    make('div', { className: 'ez-notice-actions' }, ...buttons));
}

/** Text in `backticks` is something to type. */
const withCode = (sentence) => sentence.split('`').map((part, i) => (i % 2 ? make('code', { textContent: part }) : part));
