// The screen follows the store: one tab has the stream and tells the others (plain http has no locks, and looks), each takes
// over what it shows, new rows are announced.
const region = one('[data-live]');
const box = one('.live');
const root = region.dataset.root;
const [kind, id] = region.dataset.live.split('=');
const line = one('[data-new]');
const channel = new BroadcastChannel(`flowledger${root}`);
const recent = [];
let last = BigInt(region.dataset.position);
let isPaused = false, isStale = false, timer = 0, seen = 0, found;

const concerns = ({ stream, type }) => (kind !== 'run' && type.startsWith('run.')) || stream === id;
const say = (text) => { one('[data-says]', box).textContent = text; };
const later = (ms) => { timer ||= setTimeout(update, ms); };

const take = (event) => {
  if (BigInt(event.position) <= last) return;
  last = BigInt(event.position);
  if (concerns(event)) { isStale = true; seen += 1; later(700); }
};

const update = async () => {
  timer = 0;
  if (isPaused || document.hidden || !isStale) return;
  isStale = false;
  try {
    const page = await load(address());
    show(page);
    say(one('[data-live]', page) ? 'Live' : 'Ended');
  } catch {
    isStale = true;
    say(`Away, this is of ${region.dataset.since}`);
    later(1e4);
  }
};

// A run's page keeps its step.
const address = () => {
  const url = new URL(location), step = one('[data-step]')?.dataset.step;
  if (step && !url.searchParams.has('step')) url.searchParams.set('step', step);
  return url;
};

// What a person opened, chose or typed stays.
const beforeAttributeUpdated = (name, node) => !['open', 'hidden', kind !== 'run' && 'aria-selected'].includes(name) && !(name === 'checked' && node.name === 'pick');
const morph = (old, to) => old && to && Idiomorph.morph(old, to, { ignoreActiveValue: true, callbacks: { beforeAttributeUpdated } });
const parts = (page) => new Map(all('[data-part]', page).map((part) => [part.dataset.part, part]));

const news = (here, there) => [...there].filter(([key]) => key.startsWith('+') && !here.has(key));

const show = (page) => {
  const here = parts(document), there = parts(found = page), past = one('.scrub.past');
  for (const [key, part] of here) if (!past || !key.startsWith('@')) morph(part, there.get(key));
  for (const symbol of all('symbol', page)) if (!document.getElementById(symbol.id)) one('symbol').after(symbol);
  if (!past) { seen = 0; document.dispatchEvent(new Event('live')); }
  if (!line) return;
  const many = kind === 'run' ? seen : news(here, there).length;
  line.hidden = !many;
  one('a', line).textContent = `${many} new since ${region.dataset.since}`;
};

line?.addEventListener('click', (event) => {
  if (!found || kind === 'run') return;
  event.preventDefault();
  const here = parts(document);
  morph(region, one('[data-live]', found));
  line.hidden = true;
  news(here, parts(region))[0]?.[1].querySelector('a')?.focus();
});

channel.onmessage = ({ data }) => {
  if (data.stream) take(data);
  else for (const event of recent) if (BigInt(event.position) > BigInt(data)) channel.postMessage(event);
};
navigator.locks?.request(`flowledger${root}`, () => new Promise(() => {
  new EventSource(`${root}/api/stream?after=${last}`).onmessage = ({ data, lastEventId }) => {
    const { stream, type } = JSON.parse(data);
    const event = { stream, type, position: lastEventId };
    if (recent.push(event) > 200) recent.shift();
    channel.postMessage(event);
    take(event);
  };
}));
navigator.locks || setInterval(() => { isStale = true; update(); }, 1e4);
channel.postMessage(String(last));
on('visibilitychange', update);
on('head', () => { if (seen) isStale = true; update(); });
box.hidden = false;
one('button', box).addEventListener('click', (event) => {
  isPaused = !isPaused;
  event.currentTarget.setAttribute('aria-pressed', isPaused);
  say(isPaused ? 'Paused' : 'Live');
  update();
});
