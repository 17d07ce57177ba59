// What of an item is said in words, and what fits what.

const KINDS = { model: 'Model', lora: 'LoRA', embedding: 'Embedding', controlnet: 'ControlNet', vae: 'VAE', upscaler: 'Upscaler', hypernetwork: 'Hypernetwork', image_encoder: 'Image encoder', segmenter: 'Segmenter' };

export const kindName = (kind) => KINDS[kind] ?? kind;

/** Whether an adapter can be used with a model, as far as is known; a model fits itself. */
export function fits(item, base) {
  if (!base || item.kind === 'model') return true;
  return !item.text_width || !base.text_width || item.text_width === base.text_width;
}

export function inMegabytes(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/** What a click puts into the prompt: the way to call it, and the words that go with it. */
export function asWords(item) {
  const name = item.id.split('/').at(-1);
  const call = { lora: `<lora:${name}:${item.weight ?? 1}>`, hypernetwork: `<hypernet:${name}:1>`, embedding: name }[item.kind] ?? '';
  return [call, ...item.triggers].filter(Boolean).join(', ');
}
