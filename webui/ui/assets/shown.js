// Parts of a form that only some models are told: they are in sight while such a model is chosen.

import { values } from './form.js';
import { modelOf } from './models.js';

/** Show an element of a tab only while the form's model passes a test. */
export function shownFor(tab, element, fits) {
  followModel(tab, (model) => { element.style.display = model && fits(model) ? '' : 'none'; });
}

/** Be told of the form's model now, and whenever the form has changed. */
export function followModel(tab, told) {
  const follow = async ({ model }) => told(await modelOf(model));
  document.addEventListener('easel:form', ({ detail }) => { if (detail.tab === tab) follow(detail.values); });
  follow(values(tab));
}
