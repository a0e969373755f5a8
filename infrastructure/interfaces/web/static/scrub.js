// A run at a version: a move touches what lies between; of a long run the server draws it.
let form, range, head, parts, series, nodes, ways, axis, turns, until, value, button, at, wanted, isMoving, timer = 0;
const folds = new Map();
const read = (name) => all(`[data-${name}]`).map((el) => [JSON.parse(el.dataset[name]), el]);
const row = (version) => one(`.events tr[data-v="${version}"]`);
const find = () => {
  parts = read('v').sort((a, b) => a[0] - b[0]);
  [series, nodes, ways] = ['series', 'states', 'taken'].map(read);
};
const learn = () => {
  form = one('[data-scrub]');
  if (!form) return;
  range = one('[type="range"]', form);
  head = +range.max;
  if (!form.classList.contains('past')) range.value = head;
  at = wanted = +range.value;
  ({ axis, turns, until, value } = JSON.parse(form.dataset.scrub));
  button = one('[data-play]', form);
  find();
};
const fit = (version) => Math.min(head, Math.max(1, version));
const upTo = (steps, version) => steps.findLast(([from]) => from <= version);

const show = (next) => {
  const [low, high] = next < at ? [next, at] : [at, next];
  if (axis) for (const el of all('.state .ch-mod, .state .ch-add')) el.classList.remove('ch-mod', 'ch-add');
  for (const [v, el] of parts) {
    if (v > high) break;
    if (v > low) el.classList.toggle('later', v > next);
    if (v === next && next > 1 && el.closest('.state')) (el.querySelector(':scope > summary') ?? el).classList.add('ch-add');
  }
  for (const [steps, el] of series) {
    const now = upTo(steps, next), there = now?.length === 2, { classList } = el.closest('.j, details');
    classList.toggle('later', !there);
    if (!there || el.matches('details')) continue;
    el.textContent = JSON.stringify(now[1]);
    if (next > 1 && now[0] === next) classList.add(upTo(steps, next - 1)?.length === 2 ? 'ch-mod' : 'ch-add');
  }
  for (const [states, el] of nodes) {
    const state = upTo(states, next)?.[1], kept = el.className.baseVal.replace(/ (off|ran|st-\S*)/g, '');
    el.className.baseVal = `${kept} ${state ? `ran st-${state}` : 'off'}`;
    one('use', el).setAttribute('href', `#i-${state ?? 'none'}`);
    el.ariaLabel = el.ariaLabel.replace(/: [^,]*/, `: ${state ?? 'not reached'}`);
  }
  for (const [first, el] of ways) {
    const way = first <= next ? 'taken' : 'idle', [edge, tip] = all('path', el);
    edge.className.baseVal = edge.className.baseVal.replace(/taken|idle/, way);
    tip.className.baseVal = `${way}-tip`;
  }
  row(at)?.removeAttribute('aria-selected');
  const words = all('#at-version [data-out]'), now = row(next);
  now?.setAttribute('aria-selected', 'true');
  if (now) words.forEach((el, place) => { el.textContent = now.cells[place + 1].textContent.trim(); });
  for (const el of all('[data-out="n"]')) el.textContent = next;
  for (const note of all('[data-only-after]')) note.hidden = next >= Number(note.dataset.onlyAfter);
  for (const end of ['x1', 'x2']) one('#cursor').setAttribute(end, `${axis?.[next - 1] ?? one('#at-version').dataset.x}%`);
  form.classList.toggle('past', next < head);
  if (next === wanted) range.value = next;
  range.ariaValueText = `version ${next} of ${head}, ${words.slice(1, 3).map((el) => el.textContent).filter(Boolean).join(' of ')}`;
  at = next;
};

const here = (path, asked) => {
  const url = new URL(location), q = url.searchParams;
  url.pathname = new URL(form.action).pathname + path;
  for (const [name, word] of Object.entries({ at: '', ...asked })) if (word) q.set(name, word); else q.delete(name);
  q.sort();
  return url;
};
// What a person folded, and the focus, stay.
const put = async (path) => {
  const next = wanted, url = here(path, { version: next, until, value });
  for (const part of all('[data-part], #at-version', await load(url))) {
    const old = one(part.id ? '#at-version' : `[data-part="${part.dataset.part}"]`);
    const place = all('a, summary', old).indexOf(document.activeElement);
    for (const el of all('[data-at]', part)) el.open = folds.get(el.dataset.at) ?? el.open;
    old.replaceWith(part);
    all('a, summary', part)[place]?.focus({ preventScroll: true });
  }
  const { ran, step } = one('[data-part="@step"]').dataset;
  for (const el of all('.steps a, .tl a')) el.ariaCurrent = (el.dataset.row ? el.dataset.row === step : el.dataset.v === ran) ? 'step' : null;
  find();
  show(next);
};

// A value is named where it is there.
const keep = () => history.replaceState(null, '', here('', { version: at < head && at, value: one('.blame') && value }));
const move = async (to) => {
  wanted = fit(to);
  if (axis) return show(wanted);
  range.value = wanted;
  if (isMoving) return;
  isMoving = true;
  try {
    while (at !== wanted || !row(fit(at - 50)) || !row(fit(at + 50))) await put(at === wanted ? '/lists' : '/state');
    keep();
  } catch { form.submit(); }
  isMoving = false;
};
const go = async (version) => { await move(version); keep(); if (at === head) document.dispatchEvent(new Event('head')); };
const play = () => {
  button.ariaLabel = timer ? 'Play' : 'Stop';
  if (timer) timer = clearInterval(timer);
  else {
    if (at === head) go(1);
    timer = setInterval(async () => { await go(at + 1); if (at === head && timer) play(); }, 400);
  }
};

learn();
on('live', learn);
on('input', ({ target }) => { if (target === range) move(+range.value); });
on('change', ({ target }) => { if (target === range) go(+range.value); });
on('click', async (event) => {
  const fold = event.target.closest('.state summary')?.parentElement;
  if (fold) folds.set(fold.dataset.at, !fold.open);
  if (!form?.contains(event.target)) return;
  const to = event.target.closest('[data-go]')?.dataset.go;
  if (to) {
    event.preventDefault();
    const turn = { before: turns.findLast((v) => v < wanted), after: turns.find((v) => v > wanted) };
    await go({ first: 1, last: head, ...turn }[to] ?? wanted + (Number(to) || 0));
    say(range.ariaValueText);
  }
  if (event.target.closest('[data-play]')) play();
});
