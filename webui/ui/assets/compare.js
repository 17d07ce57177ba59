// Before and after: the image that a picture was made of, laid over it up to a line that one moves.

import { address } from './api.js';
import { make } from './dom.js';

/** Build it once; `show` lays it over the picture in the frame, or takes it away. */
export function comparison() {
  const before = make('img', { alt: 'Before' });
  const slider = make('input', { type: 'range', min: 0, max: 100, step: 0.1, value: 50, 'aria-label': 'Before and after: how far the image before reaches' });
  const element = make('div', { className: 'ez-compare', hidden: true }, before, make('i'), make('span', { textContent: 'Before' }), make('span', { textContent: 'After' }), slider);
  const split = () => element.style.setProperty('--split', `${slider.value}%`);
  slider.addEventListener('input', split);
  split();
  return {
    element,
    show(picture, image) {
      element.hidden = !picture || !image;
      if (element.hidden) return;
      if (!before.src.endsWith(image)) before.src = address(`/images/${image}`);
      element.style.setProperty('--ratio', `${picture.width} / ${picture.height}`);
      element.style.setProperty('--shape', picture.width / picture.height);
    },
  };
}
