// A number field that may be empty; a typed value snaps to what is allowed and says so.

export function mount({ element, props, trigger, watch }, { title, placeholder, low, high, step }) {
  const input = element.querySelector('input');
  element.querySelector('span').textContent = title;
  Object.assign(input, { placeholder, min: low, max: high, step });
  const show = () => { input.value = props.value ?? ''; };
  input.addEventListener('change', () => {
    props.value = snapped(input.value, low, high, step);
    show();
    trigger('change');
  });
  watch('value', show);
  show();
}

function snapped(text, low, high, step) {
  const typed = Number.parseFloat(text);
  if (!Number.isFinite(typed)) return null;
  return Math.min(high, Math.max(low, Math.round(typed / step) * step));
}
