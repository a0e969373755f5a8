// Everywhere: copy buttons, menus that close, keys.
const on = (type, act) => document.addEventListener(type, act);
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const field = (el) => el.matches('input, select, textarea, [contenteditable]');
const copy = (text, said) => navigator.clipboard?.writeText(text).then(() => say(said), () => say('The browser refused to copy'));

on('click', (event) => {
  const button = event.target.closest('[data-copy]');
  if (button) {
    event.preventDefault();
    copy(button.dataset.copy, 'Copied');
    button.classList.add('copied');
    setTimeout(() => button.classList.remove('copied'), 1200);
  }
  event.target.closest('[data-close]')?.parentElement.remove();
  for (const menu of all('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
});

// What scripts do is said in one live region. The other modules use that and the helpers.
const told = document.body.appendChild(Object.assign(document.createElement('div'), { className: 'sr' }));
told.setAttribute('role', 'status');
const say = (text) => { told.textContent = ''; requestAnimationFrame(() => { told.textContent = text; }); };
const load = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw answer;
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
};
Object.assign(globalThis, { on, one, all, say, load });
document.documentElement.classList.add('js');
if (!location.hash) one('.sheet [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

// The reader's zone, for the server. The first page is drawn once more.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const isKnown = () => document.cookie.includes('flowledger_zone=');
if (zone && !isKnown()) {
  const root = new URL(one('.brand').href).pathname.replace(/\/history$/, '') || '/';
  document.cookie = `flowledger_zone=${encodeURIComponent(zone)}; path=${root}; max-age=31536000; samesite=lax`;
  if (isKnown() && one('time[datetime]')) location.reload();
}

on('keydown', (event) => {
  if (event.key === 'Escape') {
    const menus = all('details.menu[open]');
    const tip = document.activeElement.closest('.has-tip')?.querySelector('a, button');
    for (const menu of menus) { menu.open = false; one('summary', menu).focus(); }
    tip?.blur();
    if (!menus.length && !tip && !field(event.target) && !event.target.closest('dialog[open]')) one('[data-key="Escape"]')?.click();
    return;
  }
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.target.form?.requestSubmit(); return; }
  if (field(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('dialog[open]')) return;
  const name = event.shiftKey && event.key.length > 1 ? `Shift ${event.key}` : event.key;
  const key = one(`[data-key="${CSS.escape(name)}"]`);
  if (key) { event.preventDefault(); if (field(key)) key.focus(); else key.click(); return; }
  if (event.key === 'y') copy(location.href, 'Link copied');
  if (event.key === '?') { event.preventDefault(); one('#keys')?.showModal(); }
  if (event.key === 'j' || event.key === 'k') {
    const rows = all('[data-rows] tbody tr:not(figure tr), [data-rows] a.step, [data-rows] li > a');
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at + (event.key === 'j' ? 1 : -1)] ?? rows[at] ?? rows[0];
    (next?.matches('a') ? next : next?.querySelector('a'))?.focus();
  }
});
