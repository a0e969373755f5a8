// Rows that can be selected: the bar counts what each act would do.
const bar = one('[data-bulk]');
const boxes = () => all('[name="pick"]');

const count = () => {
  const every = one('[data-all]');
  const picked = boxes().filter((box) => box.checked);
  const can = (act) => picked.filter((box) => box.dataset.can === act).length;
  const numbers = { all: picked.length, retry: can('retry'), cancel: can('cancel') };
  for (const el of bar.querySelectorAll('[data-n]')) el.textContent = numbers[el.dataset.n];
  for (const button of bar.querySelectorAll('[name="act"]')) button.hidden = !numbers[button.value];
  for (const el of bar.querySelectorAll('[data-selected]')) el.hidden = !picked.length;
  every.hidden = false;
  every.checked = picked.length > 0 && picked.length === boxes().length;
  every.indeterminate = picked.length > 0 && !every.checked;
  for (const box of boxes()) box.closest('tr').ariaSelected = box.checked ? 'true' : null;
};

if (bar) {
  on('change', (event) => {
    if (event.target.matches('[data-all]')) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches('[data-all], [name="pick"]')) count();
  });
  bar.addEventListener('reset', () => setTimeout(count));
  on('keydown', (event) => {
    if (event.key !== 'x' || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input:not([type=checkbox]), select, textarea')) return;
    document.activeElement.closest('tr')?.querySelector('[name="pick"]')?.click();
  });
  count();
}
