// How the page's modules talk to the studio: JSON in and out, refusals as sentences.

const ROOT = '/api/v1';

export class ApiError extends Error {
  constructor(status, sentences) {
    super(sentences.join(' '));
    this.status = status;
    this.sentences = sentences;
  }
}

export const address = (path) => ROOT + path;
export const get = (path) => request('GET', path);
export const post = (path, body) => request('POST', path, body);
export const put = (path, body) => request('PUT', path, body);
export const remove = (path) => request('DELETE', path);

/** What is answered with a file. */
export const blobOf = async (path, body) => (await answerTo('POST', path, body)).blob();

const request = async (method, path, body) => (await answerTo(method, path, body)).json().catch(() => null);

async function answerTo(method, path, body) {
  let answer;
  try {
    answer = await fetch(address(path), options(method, body));
  } catch {
    throw new ApiError(0, ['The studio does not answer. It may be restarting.']);
  }
  if (!answer.ok) throw new ApiError(answer.status, sentences(answer, await answer.json().catch(() => null)));
  return answer;
}

function options(method, body) {
  if (body === undefined) return { method };
  if (body instanceof FormData || body instanceof Blob) return { method, body };
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

function sentences(answer, data) {
  if (Array.isArray(data?.problems) && data.problems.length)
    return data.problems.map((p) => `${p.field} is ${p.value}, expected ${p.expected}.`);
  return [data?.error ?? `The studio answered ${answer.status}.`];
}
