// Run page: one version for the slider, the time line, the graph, the state and the events.
// A move touches only what lies between the old and the new version, so a long run scrubs as fast as a short one.
import { say } from './ui.js';

const form = document.querySelector('[data-scrub]');
const range = form.querySelector('input[type="range"]');
const head = Number(range.max);
const read = (el, name) => [JSON.parse(el.dataset[name]), el];
const all = (selector) => [...document.querySelectorAll(selector)];
const parts = all('[data-v]').map((el) => [Number(el.dataset.v), el]).sort((a, b) => a[0] - b[0]);
const series = all('[data-series]').map((el) => read(el, 'series'));
const objects = all('[data-there]').map((el) => read(el, 'there'));
const nodes = all('[data-states]').map((el) => read(el, 'states'));
const ways = all('[data-taken]').map((el) => [Number(el.dataset.taken), el]);
const outs = Object.fromEntries(['n', 'when', 'type', 'node', 'what', 'by'].map((name) => [name, all(`[data-out="${name}"]`)]));
const rows = new Map(all('.events tr[data-v]').map((row) => [Number(row.dataset.v), row]));
const notes = all('[data-only-after]');
const cursor = document.getElementById('cursor');
const { axis, turns } = JSON.parse(document.getElementById('axis').content.textContent);
const line = (el) => el.querySelector(':scope > summary') ?? el;
const upTo = (steps, version) => steps.findLast(([from]) => from <= version);
let at = Number(range.value);
let timer = 0;

export const show = (to) => {
  const next = Math.min(head, Math.max(1, to));
  const [low, high] = next < at ? [next, at] : [at, next];
  for (const el of all('.state .ch-mod')) el.classList.remove('ch-mod');
  for (const el of all('.state .ch-add')) el.classList.remove('ch-add');
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
    const kept = el.getAttribute('class').split(' ').filter((word) => word !== 'off' && word !== 'ran' && !word.startsWith('st-'));
    el.setAttribute('class', [...kept, ...(state === 'none' ? ['off'] : ['ran', `st-${state}`])].join(' '));
    el.querySelector('use').setAttribute('href', `#i-${state}`);
    el.setAttribute('aria-label', el.getAttribute('aria-label').replace(/: [^,]*/, `: ${state === 'none' ? 'not reached' : state}`));
  }
  for (const [first, el] of ways) {
    const taken = first <= next;
    el.querySelector('.edge').classList.toggle('taken', taken);
    el.querySelector('.edge').classList.toggle('idle', !taken);
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
const go = (version) => { show(version); keep(); };
const button = form.querySelector('[data-play]');
const stop = () => { clearInterval(timer); timer = 0; button.setAttribute('aria-label', 'Play'); };
const play = () => {
  if (timer) return stop();
  button.setAttribute('aria-label', 'Stop');
  if (at === head) show(1);
  timer = setInterval(() => { go(at + 1); if (at === head) stop(); }, 400);
};

button.hidden = false;
range.addEventListener('input', () => show(Number(range.value)));
range.addEventListener('change', keep);
form.addEventListener('click', (event) => {
  const to = event.target.closest('[data-go]')?.dataset.go;
  if (to) { event.preventDefault(); go({ first: 1, last: head }[to] ?? at + Number(to)); }
  if (event.target.closest('[data-play]')) play();
});
document.addEventListener('keydown', (event) => {
  if (event.target.matches('input, select, textarea') || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('dialog[open]')) return;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (way) {
    event.preventDefault();
    go(event.shiftKey ? (way < 0 ? turns.findLast((v) => v < at) : turns.find((v) => v > at)) ?? at : at + way);
    say(range.getAttribute('aria-valuetext'));
  }
  if (event.key === 'p') play();
});
