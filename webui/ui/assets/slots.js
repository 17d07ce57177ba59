// Parameters of a form whose controls are the page's own: a canvas, a list. Each is a hidden
// component that Gradio reads; whoever shows the parameter sets it here and hears of changes.

const slots = new Map();
const keyOf = (tab, name) => `${tab}-${name}`;

export function mount({ props, trigger, watch }, { tab, name }) {
  enrol(tab, name, { props, trigger });
  const tell = () => document.dispatchEvent(new CustomEvent('easel:slot', { detail: { tab, name } }));
  watch('value', tell);
  tell();
}

/** A component that shows the parameter itself lets others read it. */
export const enrol = (tab, name, component) => slots.set(keyOf(tab, name), component);

/** What a form's parameter is now; null where the form has none of this name. */
export const slotValue = (tab, name) => valueOf(slots.get(keyOf(tab, name)));

const valueOf = (slot) => (slot?.props.value === '' ? null : slot?.props.value ?? null); // Gradio has '' for nothing

/** Set a form's parameter. */
export function setSlot(tab, name, value) {
  const slot = slots.get(keyOf(tab, name));
  if (!slot || JSON.stringify(valueOf(slot)) === JSON.stringify(value ?? null)) return;
  slot.props.value = value;
  slot.trigger('change');
}
