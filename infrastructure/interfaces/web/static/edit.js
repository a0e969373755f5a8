// The edit page: Ctrl S saves, leaving with something unsaved is asked about. The page works without it.
const form = document.getElementById('edit');
let unsaved = form.hasAttribute('data-unsaved');
form.addEventListener('input', () => { unsaved = true; });
form.addEventListener('submit', () => { unsaved = false; });
addEventListener('beforeunload', (event) => { if (unsaved) event.preventDefault(); });
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 's' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit(form.querySelector('[data-save]'));
  }
});
