// A list whose rows can be selected: the bar counts what each act would do. Without it the counts come from the preview page.
const bar = document.querySelector('[data-bulk]');
const boxes = () => [...document.querySelectorAll('[name="pick"]')];

const count = () => {
  const all = document.querySelector('[data-all]');
  const on = boxes().filter((box) => box.checked);
  const can = (act) => on.filter((box) => box.dataset.can === act).length;
  const numbers = { all: on.length, retry: can('retry'), cancel: can('cancel') };
  for (const el of bar.querySelectorAll('[data-n]')) el.textContent = numbers[el.dataset.n];
  for (const button of bar.querySelectorAll('[name="act"]')) button.hidden = !numbers[button.value];
  for (const el of bar.querySelectorAll('[data-selected]')) el.hidden = !on.length;
  all.hidden = false;
  all.checked = on.length > 0 && on.length === boxes().length;
  all.indeterminate = on.length > 0 && !all.checked;
  for (const box of boxes()) box.closest('tr').ariaSelected = box.checked ? 'true' : null;
};

if (bar) {
  document.addEventListener('change', (event) => {
    if (event.target.matches('[data-all]')) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches('[data-all], [name="pick"]')) count();
  });
  bar.addEventListener('reset', () => setTimeout(count));
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'x' || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input:not([type=checkbox]), select, textarea')) return;
    document.activeElement.closest('tr')?.querySelector('[name="pick"]')?.click();
  });
  count();
}
