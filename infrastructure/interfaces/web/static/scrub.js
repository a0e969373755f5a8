// Run page: one version for the slider, the time line, the graph, the state and the events.
// A move touches only what lies between the old and the new version, so a long run scrubs as fast as a short one.
// What a live page takes over is learned anew.

let form, range, head, parts, series, objects, nodes, ways, outs, rows, notes, cursor, axis, turns, button, at, timer = 0;
const on = (type, act) => document.addEventListener(type, act);
const read = (el, name) => [JSON.parse(el.dataset[name]), el];
const all = (selector) => [...document.querySelectorAll(selector)];
const learn = () => {
  form = all('[data-scrub]')[0];
  if (!form) return;
  range = form.querySelector('[type="range"]');
  head = Number(range.max);
  if (!form.classList.contains('past')) range.value = head;
  at = Number(range.value);
  parts = all('[data-v]').map((el) => read(el, 'v')).sort((a, b) => a[0] - b[0]);
  series = all('[data-series]').map((el) => read(el, 'series'));
  objects = all('[data-there]').map((el) => read(el, 'there'));
  nodes = all('[data-states]').map((el) => read(el, 'states'));
  ways = all('[data-taken]').map((el) => read(el, 'taken'));
  outs = Object.fromEntries('n when type node what by'.split(' ').map((name) => [name, all(`[data-out="${name}"]`)]));
  rows = new Map(all('.events tr[data-v]').map((row) => [Number(row.dataset.v), row]));
  notes = all('[data-only-after]');
  cursor = document.getElementById('cursor');
  ({ axis, turns } = JSON.parse(form.dataset.scrub));
  button = form.querySelector('[data-play]');
  button.hidden = false;
};
const line = (el) => el.querySelector(':scope > summary') ?? el;
const upTo = (steps, version) => steps.findLast(([from]) => from <= version);

const show = (to) => {
  const next = Math.min(head, Math.max(1, to));
  const [low, high] = next < at ? [next, at] : [at, next];
  for (const el of all('.state .ch-mod, .state .ch-add')) el.classList.remove('ch-mod', 'ch-add');
  for (const [v, el] of parts) {
    if (v > high) break;
    if (v > low) el.classList.toggle('later', v > next);
    if (v === next && next > 1 && el.closest('.state')) line(el).classList.add('ch-add');
  }
  for (const [steps, el] of series) {
    const now = upTo(steps, next);
    const there = now?.length === 2;
    const text = there ? JSON.stringify(now[1]) : el.textContent;
    if (el.textContent !== text) el.textContent = text;
    el.parentElement.classList.toggle('later', !there);
    if (there && next > 1 && now[0] === next) el.parentElement.classList.add(upTo(steps, next - 1)?.length === 2 ? 'ch-mod' : 'ch-add');
  }
  for (const [times, el] of objects) el.classList.toggle('later', !upTo(times, next)?.[1]);
  for (const [states, el] of nodes) {
    const state = upTo(states, next)?.[1] ?? 'none';
    const kept = el.getAttribute('class').split(' ').filter((word) => !/^(off|ran|st-.*)$/.test(word));
    el.setAttribute('class', [...kept, ...(state === 'none' ? ['off'] : ['ran', `st-${state}`])].join(' '));
    el.querySelector('use').setAttribute('href', `#i-${state}`);
    el.setAttribute('aria-label', el.getAttribute('aria-label').replace(/: [^,]*/, `: ${state === 'none' ? 'not reached' : state}`));
  }
  for (const [first, el] of ways) {
    const taken = first <= next, { classList } = el.querySelector('.edge');
    classList.toggle('taken', taken);
    classList.toggle('idle', !taken);
    el.lastElementChild.setAttribute('class', taken ? 'taken-tip' : 'idle-tip');
  }
  rows.get(at)?.removeAttribute('aria-selected');
  const row = rows.get(next);
  row.setAttribute('aria-selected', 'true');
  const [, when, type, node, what, by] = [...row.cells].map((cell) => cell.textContent.trim());
  for (const [name, text] of Object.entries({ n: next, when, type, node, what, by })) for (const el of outs[name]) el.textContent = text;
  for (const note of notes) note.hidden = next >= Number(note.dataset.onlyAfter);
  for (const end of ['x1', 'x2']) cursor.setAttribute(end, `${axis[next - 1]}%`);
  form.classList.toggle('past', next < head);
  range.value = next;
  range.setAttribute('aria-valuetext', `version ${next} of ${head}, ${type}${node && ` of ${node}`}`);
  at = next;
};

const keep = () => {
  const url = new URL(location.href);
  url.pathname = new URL(form.action).pathname;
  url.searchParams.delete('at');
  if (at === head) url.searchParams.delete('version'); else url.searchParams.set('version', at);
  url.searchParams.sort();
  history.replaceState(null, '', url);
};
const go = (version) => { show(version); keep(); if (at === head) document.dispatchEvent(new Event('head')); };
const stop = () => { clearInterval(timer); timer = 0; button.setAttribute('aria-label', 'Play'); };
const play = () => {
  if (timer) return stop();
  button.setAttribute('aria-label', 'Stop');
  if (at === head) show(1);
  timer = setInterval(() => { go(at + 1); if (at === head) stop(); }, 400);
};

learn();
on('live', learn);
on('input', ({ target }) => { if (target === range) show(Number(range.value)); });
on('change', ({ target }) => { if (target === range) go(at); });
on('click', (event) => {
  if (!form?.contains(event.target)) return;
  const to = event.target.closest('[data-go]')?.dataset.go;
  if (to) {
    event.preventDefault();
    const turn = { before: turns.findLast((v) => v < at), after: turns.find((v) => v > at) };
    go({ first: 1, last: head, ...turn }[to] ?? at + (Number(to) || 0));
    document.dispatchEvent(new CustomEvent('say', { detail: range.getAttribute('aria-valuetext') }));
  }
  if (event.target.closest('[data-play]')) play();
});
