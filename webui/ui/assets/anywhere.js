// Files that are dropped or pasted where no part of the page takes them: a browser would leave the page to show
// a dropped one. A picture is offered to be used; of anything else it is said that nothing can be done with it.

import { post } from './api.js';
import { currentTab, fill } from './form.js';
import { readParameters } from './pasting.js';
import { NO_FRAME } from './sending.js';
import { openTab } from './tabs.js';
import { toast } from './toast.js';

const TAKES_PICTURES = ['img2img', 'inpaint', 'upscale'];

export function listenAnywhere() {
  // On the window, which hears of an event after every part of the document.
  addEventListener('dragover', (event) => { if (hasFiles(event.dataTransfer)) event.preventDefault(); });
  addEventListener('drop', (event) => {
    if (event.defaultPrevented || !hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    offer([...event.dataTransfer.files]);
  });
  addEventListener('paste', (event) => {
    const data = event.clipboardData;
    // A spreadsheet's cells are text and a picture of it.
    if (event.defaultPrevented || !hasFiles(data) || data.types.includes('text/plain')) return;
    event.preventDefault();
    offer([...data.files]);
  });
}

const hasFiles = (data) => [...(data?.types ?? [])].includes('Files');

function offer(files) {
  const picture = files.find((file) => file.type.startsWith('image/'));
  if (picture)
    toast(`“${picture.name}”`, { title: 'Use as input', run: () => useAsInput(picture) }, { title: 'Read its parameters', run: () => readParameters(picture) });
  else if (files.length)
    toast(`“${files[0].name}” is no picture. Taken are PNG, JPEG, WebP, GIF, BMP and TIFF.`);
}

async function useAsInput(file) {
  const body = new FormData();
  body.append('file', file);
  try {
    const { id } = await post('/images', body);
    const tab = TAKES_PICTURES.includes(currentTab()) ? currentTab() : TAKES_PICTURES[0];
    fill(tab, { image: id, mask: null, ...NO_FRAME, width: null, height: null });
    openTab(tab);
  } catch (error) {
    toast(error.message);
  }
}
