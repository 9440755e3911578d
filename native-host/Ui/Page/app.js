// The page: search, results, one trace. Everything that comes from spans is set as text and never as markup; colours and
// places are set through the style object, which the content security policy allows.

const apiPrefix = document.querySelector('meta[name=api-prefix]').content;
const view = document.getElementById('view');
const query = document.getElementById('query');
const range = document.getElementById('range');
const tenant = document.getElementById('tenant');
const services = document.getElementById('services');

const maxRows = 2000; // spans shown at once; a browser lays out a few thousand rows without a pause
let latest = 0; // requests that were overtaken by a later one are not shown

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

async function ask(path, parameters) {
  const url = `${apiPrefix}${path}?${new URLSearchParams(parameters)}`;
  const headers = { Accept: 'application/json' };
  if (tenant.value) headers['X-Scope-OrgID'] = tenant.value;
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.text()).slice(0, 2000)}`);
  return answer.json();
}

function times() {
  const end = Math.floor(Date.now() / 1000) + 1;
  return { start: end - Number(range.value), end };
}

function duration(nanoseconds) {
  if (nanoseconds >= 1e9) return `${(nanoseconds / 1e9).toFixed(2)} s`;
  if (nanoseconds >= 1e6) return `${(nanoseconds / 1e6).toFixed(2)} ms`;
  return `${(nanoseconds / 1e3).toFixed(1)} µs`;
}

// The same service has the same colour wherever it stands.
function colour(service) {
  let hash = 0;
  for (const c of service) hash = (hash * 31 + c.codePointAt(0)) % 360;
  return `hsl(${hash} 55% 55%)`;
}

const quoted = (text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;

function show(...content) {
  view.replaceChildren(...content);
}

// Runs a task whose result replaces the view, unless something newer was asked for meanwhile.
async function load(task) {
  const mine = ++latest;
  try {
    const content = await task();
    if (mine === latest) show(...content);
  } catch (error) {
    if (mine === latest) show(element('p', 'error', error.message));
  }
}

async function loadServices() {
  try {
    const answer = await ask('/api/v2/search/tag/resource.service.name/values', { ...times(), limit: 500 });
    services.replaceChildren(...answer.tagValues.map(({ value = '' }) => {
      const item = element('li');
      const button = element('button', '', value);
      button.type = 'button';
      button.title = value;
      button.addEventListener('click', () => go(`{ resource.service.name = ${quoted(value)} }`));
      item.append(button);
      return item;
    }));
  } catch (error) {
    services.replaceChildren(element('li', 'error', error.message));
  }
}

function hit(trace) {
  const row = element('a', 'hit');
  row.href = `#trace/${trace.traceID}`;
  const stats = Object.values(trace.serviceStats ?? {});
  const errors = stats.reduce((sum, s) => sum + (s.errorCount ?? 0), 0);
  const spans = stats.reduce((sum, s) => sum + (s.spanCount ?? 0), 0);
  const name = element('span');
  name.append(element('span', 'service', trace.rootServiceName ?? ''), element('span', 'name', trace.rootTraceName ?? ''));
  row.append(
    element('span', 'quiet', new Date(Number(BigInt(trace.startTimeUnixNano ?? 0) / 1000000n)).toLocaleString()),
    name,
    element('span', errors ? 'number error' : 'number quiet', spans ? `${spans} spans${errors ? `, ${errors} failed` : ''}` : ''),
    element('span', 'number', `${trace.durationMs ?? 0} ms`));
  return row;
}

async function search(text) {
  const answer = await ask('/api/search', { q: text || '{}', limit: 50, ...times() });
  const inspected = answer.metrics?.inspectedBytes;
  const note = `${answer.traces.length} traces${answer.traces.length === 50 ? ', the newest' : ''}${inspected ? `; ${inspected} bytes read` : ''}`;
  return [element('p', 'note', note), ...answer.traces.map(hit)];
}

const hex = (base64) => [...atob(base64 ?? '')].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');

function valueText(value = {}) {
  const [kind, content] = Object.entries(value)[0] ?? ['', ''];
  if (kind === 'arrayValue') return `[${(content.values ?? []).map(valueText).join(', ')}]`;
  if (kind === 'kvlistValue') return `{${(content.values ?? []).map((m) => `${m.key}: ${valueText(m.value)}`).join(', ')}}`;
  return String(content);
}

// All spans with their service, as a list in the order of the tree: parents before children, by start.
function flatten(trace) {
  const spans = [];
  for (const resource of trace.resourceSpans ?? []) {
    const attributes = resource.resource?.attributes ?? [];
    const service = valueText(attributes.find((a) => a.key === 'service.name')?.value);
    for (const scope of resource.scopeSpans ?? []) {
      for (const span of scope.spans ?? []) {
        const start = BigInt(span.startTimeUnixNano ?? 0);
        spans.push({ span, service, resource: attributes, scope: scope.scope ?? {}, id: hex(span.spanId), parent: hex(span.parentSpanId), start, end: BigInt(span.endTimeUnixNano ?? 0), depth: 0 });
      }
    }
  }

  const byId = new Map(spans.map((s) => [s.id, s]));
  const children = Map.groupBy(spans, (s) => (byId.has(s.parent) && s.parent !== s.id ? s.parent : ''));
  for (const list of children.values()) list.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const ordered = [];
  const seen = new Set();
  const visit = (roots) => {
    const open = [...roots].reverse();
    while (open.length) {
      const next = open.pop();
      if (seen.has(next)) continue;
      seen.add(next);
      ordered.push(next);
      for (const child of (children.get(next.id) ?? []).toReversed()) if (!seen.has(child)) open.push(Object.assign(child, { depth: next.depth + 1 }));
    }
  };
  visit(children.get('') ?? []);
  for (const rest of spans) if (!seen.has(rest)) visit([rest]); // a circle has no beginning
  return ordered;
}

function details(entry) {
  const box = element('div', 'details');
  const add = (key, text) => box.append(element('span', 'quiet', key), element('span', 'value', text));
  add('span', entry.id);
  add('kind', entry.span.kind ?? '');
  if (entry.span.status?.message) add('status', entry.span.status.message);
  for (const a of entry.span.attributes ?? []) add(a.key, valueText(a.value));
  for (const e of entry.span.events ?? []) {
    add(`event at ${duration(Number(BigInt(e.timeUnixNano ?? 0) - entry.start))}`, e.name ?? '');
    for (const a of e.attributes ?? []) add(`  ${a.key}`, valueText(a.value));
  }

  for (const l of entry.span.links ?? []) add('link', `${hex(l.traceId)} / ${hex(l.spanId)}`);
  add('scope', `${entry.scope.name ?? ''} ${entry.scope.version ?? ''}`);
  for (const a of entry.resource) add(`resource.${a.key}`, valueText(a.value));
  return box;
}

function row(entry, first, whole) {
  const failed = entry.span.status?.code === 'STATUS_CODE_ERROR';
  const line = element('button', failed ? 'span failed' : 'span');
  line.type = 'button';
  const label = element('span', 'label');
  label.style.paddingLeft = `${0.6 + Math.min(entry.depth, 30) * 0.9}rem`;
  label.append(element('span', 'service', entry.service), element('span', 'name', entry.span.name ?? ''));
  label.title = `${entry.service} ${entry.span.name ?? ''}`;
  const length = Number(entry.end > entry.start ? entry.end - entry.start : 0n);
  const left = whole ? Number(entry.start - first) / whole * 100 : 0;
  const width = whole ? length / whole * 100 : 100;
  const bar = element('span', 'bar');
  Object.assign(bar.style, { left: `${left}%`, width: `${width}%`, background: colour(entry.service) });
  const took = element('span', 'took', duration(length));
  if (left + width < 80) took.style.left = `${left + width}%`;
  else took.style.right = `${Math.max(0, 100 - left - width)}%`;
  const track = element('span', 'track');
  track.append(bar, took);
  line.append(label, track);
  line.addEventListener('click', () => {
    if (line.nextSibling?.className === 'details') line.nextSibling.remove();
    else line.after(details(entry));
  });
  return line;
}

async function openTrace(id) {
  const answer = await ask(`/api/v2/traces/${encodeURIComponent(id)}`, {});
  const spans = flatten(answer.trace ?? {});
  if (!spans.length) return [element('p', 'note', `There is no trace ${id}.`)];
  let [first, last] = [spans[0].start, spans[0].end];
  for (const { start, end } of spans) {
    if (start < first) first = start;
    if (end > last) last = end;
  }

  const whole = Number(last - first);
  const names = new Set(spans.map((s) => s.service));
  const note = element('p', 'note', `${id} · ${spans.length} spans of ${names.size} services · ${duration(whole)}${answer.message ? ` · ${answer.message}` : ''}`);
  const box = element('div', 'trace');
  box.append(...spans.slice(0, maxRows).map((s) => row(s, first, whole)));
  if (spans.length <= maxRows) return [note, box];
  return [note, box, element('p', 'note', `The first ${maxRows} of ${spans.length} spans are shown.`)];
}

// The address says what is shown, so that it can be kept and sent: #q=…&range=… or #trace/<id>.
function go(text) {
  const hash = `#${new URLSearchParams({ q: text, range: range.value })}`;
  if (location.hash === hash) route();
  else location.hash = hash;
}

function route() {
  const hash = location.hash.slice(1);
  if (hash.startsWith('trace/')) {
    load(() => openTrace(decodeURIComponent(hash.slice('trace/'.length))));
    return;
  }

  const asked = new URLSearchParams(hash);
  query.value = asked.get('q') ?? '';
  if ([...range.options].some((option) => option.value === asked.get('range'))) range.value = asked.get('range');
  load(() => search(query.value));
}

document.getElementById('search').addEventListener('submit', (event) => {
  event.preventDefault();
  go(query.value);
});
tenant.addEventListener('change', () => {
  loadServices();
  route();
});
range.addEventListener('change', loadServices);
window.addEventListener('hashchange', route);
loadServices();
route();
