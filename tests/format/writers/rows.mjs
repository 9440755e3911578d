// Rows of vParquet4 made of traces in proto-JSON: the mapping of attributes, written in another language.
import { readFileSync } from 'node:fs'

const statics = { cluster: 'Cluster', namespace: 'Namespace', pod: 'Pod', container: 'Container', 'k8s.cluster.name': 'K8sClusterName',
  'k8s.namespace.name': 'K8sNamespaceName', 'k8s.pod.name': 'K8sPodName', 'k8s.container.name': 'K8sContainerName' }
const spanStatics = { 'http.method': ['HttpMethod', 'stringValue'], 'http.url': ['HttpUrl', 'stringValue'], 'http.status_code': ['HttpStatusCode', 'intValue'] }
const leaves = { stringValue: 'Value', intValue: 'ValueInt', doubleValue: 'ValueDouble', boolValue: 'ValueBool' }
export const dedicated = [{ s: 'resource', n: 'region' }, { n: 'db.statement' }]

const bytes = text => new Uint8Array(Buffer.from(text ?? '', 'base64'))
const scalar = (type, value) => (type === 'intValue' ? BigInt(value) : value)

function attribute({ key, value }) {
  const row = { Key: key, IsArray: false, Value: [], ValueInt: [], ValueDouble: [], ValueBool: [], ValueUnsupported: null }
  const [type, content] = Object.entries(value ?? {})[0] ?? []
  if (type === 'arrayValue') {
    const items = content.values ?? []
    const kinds = new Set(items.map(item => Object.keys(item)[0]))
    if (kinds.size > 1 || items.some(item => !leaves[Object.keys(item)[0]])) row.ValueUnsupported = JSON.stringify(value)
    else {
      row.IsArray = true
      for (const item of items) for (const [kind, v] of Object.entries(item)) row[leaves[kind]].push(scalar(kind, v))
    }
  } else if (leaves[type]) row[leaves[type]].push(scalar(type, content))
  else if (type) row.ValueUnsupported = JSON.stringify(value)
  return row
}

function spread(list, scope, target, known) {
  target.Attrs = []
  target.DedicatedAttributes = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`String${String(i + 1).padStart(2, '0')}`, null]))
  const columns = dedicated.filter(column => (column.s ?? 'span') === scope)
  for (const a of list ?? []) {
    const [type, content] = Object.entries(a.value ?? {})[0] ?? []
    const column = columns.findIndex(c => c.n === a.key)
    if (known(a.key, type, content)) continue
    if (column >= 0 && type === 'stringValue') target.DedicatedAttributes[`String${String(column + 1).padStart(2, '0')}`] = content
    else target.Attrs.push(attribute(a))
  }
}

function resource(r) {
  const row = { DroppedAttributesCount: r.droppedAttributesCount ?? 0, ServiceName: '' }
  for (const field of Object.values(statics)) row[field] = null
  spread(r.attributes, 'resource', row, (key, type, content) => {
    if (type !== 'stringValue') return false
    if (key === 'service.name') row.ServiceName = content
    else if (statics[key]) row[statics[key]] = content
    else return false
    return true
  })
  return row
}

function span(s, set) {
  const start = BigInt(s.startTimeUnixNano)
  const row = {
    SpanID: bytes(s.spanId), ParentSpanID: bytes(s.parentSpanId), ParentID: set.parent, NestedSetLeft: set.left, NestedSetRight: set.right,
    Name: s.name ?? '', Kind: BigInt(s.kind ?? 0), TraceState: s.traceState ?? '', StartTimeUnixNano: start, DurationNano: BigInt(s.endTimeUnixNano) - start,
    StatusCode: BigInt(s.status?.code ?? 0), StatusMessage: s.status?.message ?? '', DroppedAttributesCount: s.droppedAttributesCount ?? 0,
    Events: (s.events ?? []).map(e => ({ TimeSinceStartNano: BigInt(e.timeUnixNano) - start, Name: e.name ?? '', Attrs: (e.attributes ?? []).map(attribute), DroppedAttributesCount: e.droppedAttributesCount ?? 0 })),
    DroppedEventsCount: s.droppedEventsCount ?? 0,
    Links: (s.links ?? []).map(l => ({ TraceID: bytes(l.traceId), SpanID: bytes(l.spanId), TraceState: l.traceState ?? '', Attrs: (l.attributes ?? []).map(attribute), DroppedAttributesCount: l.droppedAttributesCount ?? 0 })),
    DroppedLinksCount: s.droppedLinksCount ?? 0, HttpMethod: null, HttpUrl: null, HttpStatusCode: null,
  }
  spread(s.attributes, 'span', row, (key, type, content) => {
    const [field, kind] = spanStatics[key] ?? []
    if (kind !== type || !field) return false
    row[field] = scalar(type, content)
    return true
  })
  return row
}

function nestedSets(spans) {
  const sets = new Map(spans.map(s => [s, { left: 0, right: 0, parent: 0 }]))
  let next = 1
  const visit = (s, parent) => {
    const set = sets.get(s)
    set.left = next++
    set.parent = parent
    for (const child of spans.filter(c => c.parentSpanId === s.spanId)) visit(child, set.left)
    set.right = next++
  }
  for (const root of spans.filter(s => !s.parentSpanId)) visit(root, -1)
  return sets
}

export function rows(file) {
  const byId = new Map()
  for (const rs of JSON.parse(readFileSync(file, 'utf8')).resourceSpans)
    for (const ss of rs.scopeSpans)
      for (const s of ss.spans) {
        const hex = Buffer.from(s.traceId, 'base64').toString('hex')
        if (!byId.has(hex)) byId.set(hex, [])
        const trace = byId.get(hex)
        let own = trace.find(r => r.from === rs)
        if (!own) trace.push(own = { from: rs, scopes: [] })
        let scope = own.scopes.find(c => c.from === ss)
        if (!scope) own.scopes.push(scope = { from: ss, spans: [] })
        scope.spans.push(s)
      }
  return [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hex, trace]) => {
    const spans = trace.flatMap(r => r.scopes).flatMap(c => c.spans)
    const sets = nestedSets(spans)
    const starts = spans.map(s => BigInt(s.startTimeUnixNano)), ends = spans.map(s => BigInt(s.endTimeUnixNano))
    const [start, end] = [starts.reduce((a, b) => (a < b ? a : b)), ends.reduce((a, b) => (a > b ? a : b))]
    const resources = trace.map(r => ({ row: resource(r.from.resource), scopes: r.scopes }))
    const root = spans.filter(s => !s.parentSpanId).at(-1)
    const service = root && resources.find(r => r.scopes.some(c => c.spans.includes(root))).row.ServiceName
    const stats = new Map()
    for (const r of resources) {
      const known = stats.get(r.row.ServiceName) ?? { SpanCount: 0, ErrorCount: 0 }
      for (const s of r.scopes.flatMap(c => c.spans)) {
        known.SpanCount++
        if (s.status?.code === 2) known.ErrorCount++
      }
      stats.set(r.row.ServiceName, known)
    }
    return {
      TraceID: new Uint8Array(Buffer.from(hex, 'hex')), TraceIDText: hex.replace(/^0+/, ''), StartTimeUnixNano: start, EndTimeUnixNano: end, DurationNano: end - start,
      RootServiceName: service ?? '', RootSpanName: root?.name ?? '', ServiceStats: stats,
      rs: resources.map(r => ({ Resource: r.row, ss: r.scopes.map(c => ({
        Scope: { Name: c.from.scope?.name ?? '', Version: c.from.scope?.version ?? '', Attrs: (c.from.scope?.attributes ?? []).map(attribute), DroppedAttributesCount: c.from.scope?.droppedAttributesCount ?? 0 },
        Spans: c.spans.map(s => span(s, sets.get(s))),
      })) })),
    }
  })
}
