// How a picture from elsewhere was made, taken over into the form: a `parameters` text that is pasted into a
// prompt, or a picture that is dropped or pasted there.

import { tabFor } from './actions.js';
import { post } from './api.js';
import { awaitPictures } from './controls.js';
import { currentTab, fill, values } from './form.js';
import { openTab } from './tabs.js';
import { toast } from './toast.js';
import { replaceText } from './typing.js';
import { inWords } from './words.js';

/** A line as AUTOMATIC1111 writes it below the prompts. */
const PARAMETERS = /(^|\s)Steps: *\d+ *,[^\n]*\b(Sampler|Seed|CFG scale) *:/i;

/** Take over what comes into a prompt box and tells how a picture was made; other text is text. */
export function attachPasting(element, area) {
  area.addEventListener('paste', (event) => {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    const picture = pictureIn(event.clipboardData);
    if (!picture && !PARAMETERS.test(text)) return;
    event.preventDefault();
    event.stopPropagation(); // an open tab would take a picture as its start image
    readParameters(picture ?? new Blob([text], { type: 'text/plain' }), () => replaceText(area, area.selectionStart, area.selectionEnd, text));
  });
  const over = (on) => (event) => {
    if (![...(event.dataTransfer?.items ?? [])].some((item) => item.kind === 'file')) return;
    event.preventDefault();
    element.classList.toggle('ez-drop', on);
  };
  area.addEventListener('dragover', over(true));
  area.addEventListener('dragleave', over(false));
  area.addEventListener('drop', (event) => {
    const picture = pictureIn(event.dataTransfer);
    element.classList.remove('ez-drop');
    if (!picture) return;
    event.preventDefault();
    event.stopPropagation();
    readParameters(picture);
  });
}

const pictureIn = (data) => [...(data?.files ?? [])].find((file) => file.type.startsWith('image/'));

/** Fill the form that can show it; a text that tells nothing stays a text. */
export async function readParameters(source, otherwise = null) {
  let told;
  try {
    told = await post('/parameters/reading', source);
  } catch (error) {
    toast(error.message);
    otherwise?.();
    return;
  }
  const fields = inWords(told.fields);
  const tab = 'image' in fields ? await tabFor(fields) : currentTab();
  const before = values(tab);
  fill(tab, fields);
  openTab(tab);
  const release = awaitPictures(tab, told.waiting_controls);
  toast(['Parameters taken over.', ...told.notes].join(' '), { title: 'Undo', run: () => { release(); fill(tab, before); } });
}
