// The class that a class-conditional model draws: typed or picked, of as many as the model has.

import { make } from './dom.js';
import { followModel, shownFor } from './shown.js';

export function mount({ element, props, trigger, watch }, { tab, title }) {
  const [input, list] = [element.querySelector('input'), element.querySelector('datalist')];
  let offered = null;
  element.querySelector('span').textContent = title;
  list.id = `${tab}-classes`;
  input.setAttribute('list', list.id);
  const show = () => { input.value = props.value ?? ''; };
  input.addEventListener('change', () => { props.value = input.value.trim(); trigger('change'); });
  watch('value', show);
  show();
  shownFor(tab, element.closest(`#${tab}-class_label`) ?? element, (model) => model.task === 'class');
  followModel(tab, (model) => {
    if (model?.task !== 'class' || offered === model.id) return;
    offered = model.id;
    list.replaceChildren(...model.classes.map((name) => make('option', { value: name })));
    input.placeholder = `one of ${model.classes.length}: ${model.classes.slice(0, 2).join(', ')} … or a number`;
  });
}
