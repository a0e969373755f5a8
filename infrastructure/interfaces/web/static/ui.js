// Everywhere: copy buttons, menus that close, hover text that goes with Escape, keys. Each page works without it.
const field = (el) => el.matches('input, select, textarea, [contenteditable]');
const copy = (text, said) => navigator.clipboard?.writeText(text).then(() => say(said), () => say('The browser refused to copy'));

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy]');
  if (button) {
    event.preventDefault();
    copy(button.dataset.copy, 'Copied');
    button.classList.add('copied');
    setTimeout(() => button.classList.remove('copied'), 1200);
  }
  event.target.closest('[data-close]')?.parentElement.remove();
  for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
});

// Controls that need a script are shown where one runs.
for (const el of document.querySelectorAll('[data-copy], [data-close]')) el.hidden = false;

// One polite live region for all that a script does.
const told = document.body.appendChild(Object.assign(document.createElement('div'), { className: 'sr' }));
told.setAttribute('role', 'status');
const say = (text) => { told.textContent = ''; requestAnimationFrame(() => { told.textContent = text; }); };
document.addEventListener('say', ({ detail }) => say(detail));

// The reader's zone, for the server to write times in. The first page is made without it, and drawn once more.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const known = document.cookie.match(/(?:^|; )flowledger_zone=([^;]*)/)?.[1];
if (zone && known === undefined) {
  const root = new URL(document.querySelector('.brand').href).pathname.replace(/\/history$/, '') || '/';
  document.cookie = `flowledger_zone=${encodeURIComponent(zone)}; path=${root}; max-age=31536000; samesite=lax`;
  if (document.cookie.includes('flowledger_zone=') && document.querySelector('time[datetime]')) location.reload();
}

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    const menus = document.querySelectorAll('details.menu[open]');
    const tip = document.activeElement.closest('.has-tip')?.querySelector('a, button');
    for (const menu of menus) { menu.open = false; menu.querySelector('summary').focus(); }
    tip?.blur();
    if (!menus.length && !tip && !field(event.target) && !event.target.closest('dialog[open]')) document.querySelector('[data-key="Escape"]')?.click();
    return;
  }
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.target.form?.requestSubmit(); return; }
  if (field(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('dialog[open]')) return;
  const name = event.shiftKey && event.key.length > 1 ? `Shift ${event.key}` : event.key;
  const key = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
  if (key) { event.preventDefault(); if (field(key)) key.focus(); else key.click(); return; }
  if (event.key === 'y') copy(location.href, 'Link copied');
  if (event.key === '?') { event.preventDefault(); document.getElementById('keys')?.showModal(); }
  if (event.key === 'j' || event.key === 'k') {
    const rows = [...document.querySelectorAll('[data-rows] tbody tr, [data-rows] a.step, [data-rows] li > a')];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at + (event.key === 'j' ? 1 : -1)] ?? rows[at] ?? rows[0];
    (next?.matches('a') ? next : next?.querySelector('a'))?.focus();
  }
});
