// The installed models, asked once a minute at most.

import { get } from './api.js';

let asked = null;
let when = 0;

export function models() {
  if (!asked || Date.now() - when > 60_000) {
    when = Date.now();
    asked = get('/models').catch(() => { asked = null; return []; });
  }
  return asked;
}

/** The model of an id; where there is no such id, the first that draws from text. */
export async function modelOf(id) {
  const all = await models();
  return all.find((model) => model.id === id) ?? all.find((model) => model.task === 'text') ?? null;
}
