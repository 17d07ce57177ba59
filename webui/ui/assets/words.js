// A request's words for a form: LoRAs that were named beside the prompt become tags in it.

/** Priorities that a person chooses from, and what they are called; the form's menu has the same. */
export const TURNS = { High: 'First', Normal: 'Normal', Low: 'Background' };

const shown = (weight) => String(Number(weight.toFixed(4)));

/** The request with its LoRAs in the prompt, where a form has no other place for them. */
export function inWords(request) {
  const loras = request.loras ?? [];
  if (!loras.length) return request;
  const prompt = [request.prompt, loras.map(tag).join('')].filter(Boolean).join(' ');
  return { ...request, prompt, loras: [] };
}

/** As AUTOMATIC1111 writes it; the first number is the text encoder's. */
function tag({ adapter, weight, text_weight, rank, blocks, during }) {
  const numbers = text_weight === null || text_weight === undefined ? [weight] : [text_weight, weight];
  const ranks = rank ? [`dyn=${rank}`] : [];
  const rows = blocks?.length ? [`lbw=${blocks.join(',')}`] : [];
  const when = during?.length ? [`start=${during[0][0].toFixed(4)}`, `stop=${during.at(-1)[1].toFixed(4)}`] : [];
  return `<lora:${[adapter, ...numbers.map(shown), ...ranks, ...rows, ...when].join(':')}>`;
}

/** What brings a picture's template back in place of the words that were drawn from it; null where it has none. */
export function templateOf({ template, negative_template, negative_prompt }) {
  if (!template && !negative_template) return null;
  return { ...(template ? { prompt: template } : {}), negative_prompt: negative_template || negative_prompt, prompt_choices: 'Random' };
}
