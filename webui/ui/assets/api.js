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

async function request(method, path, body) {
  let answer;
  try {
    answer = await fetch(address(path), options(method, body));
  } catch {
    throw new ApiError(0, ['The studio does not answer. It may be restarting.']);
  }
  const data = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(answer.status, sentences(answer, data));
  return data;
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
