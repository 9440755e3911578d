// From the rows of a vParquet5 or vParquet4 data.parquet (one row a trace) back to spans, by the schema and the block's meta.json
// alone. Rows are plain objects: lists are arrays, 64-bit integers are bigints, byte arrays are Uint8Arrays.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const text = (value) => (typeof value === 'string' ? value : Buffer.from(value).toString('utf8'));

/** A reader may call an empty list nothing. */
const list = (values) => values ?? [];

const wrap = (isArray, values) => (isArray ? { arrayValue: { values } } : values[0] ?? {});

function value(attribute) {
  if (attribute.ValueUnsupported) return JSON.parse(text(attribute.ValueUnsupported));
  const values = [
    ...list(attribute.Value).map((v) => ({ stringValue: text(v) })),
    ...list(attribute.ValueInt).map((v) => ({ intValue: String(v) })),
    ...list(attribute.ValueDouble).map((v) => ({ doubleValue: v })),
    ...list(attribute.ValueBool).map((v) => ({ boolValue: v })),
  ];
  return wrap(attribute.IsArray, values);
}

/** Attributes that have a column of their own in every block of vParquet4: one value or none. */
const statics = {
  resource: {
    Cluster: 'cluster', Namespace: 'namespace', Pod: 'pod', Container: 'container', K8sClusterName: 'k8s.cluster.name',
    K8sNamespaceName: 'k8s.namespace.name', K8sPodName: 'k8s.pod.name', K8sContainerName: 'k8s.container.name',
  },
  span: { HttpMethod: 'http.method', HttpUrl: 'http.url', HttpStatusCode: 'http.status_code' },
};

const fixed = (owner, scope) => Object.entries(statics[scope] ?? {}).filter(([field]) => owner[field] !== null && owner[field] !== undefined)
  .map(([field, key]) => ({ key, value: field === 'HttpStatusCode' ? { intValue: String(owner[field]) } : { stringValue: text(owner[field]) } }));

/** In vParquet4 a dedicated column holds one value or none, in vParquet5 a list. */
const several = (values) => (Array.isArray(values) ? values : values === null || values === undefined ? [] : [values]);

/** Attributes that the block keeps in columns of their own: the n-th string of a scope is in StringNN, ints likewise. */
function dedicated(columns, scope, group) {
  const counts = { string: 0, int: 0 };
  const found = [];
  for (const column of columns.filter((c) => (c.s ?? 'span') === scope)) {
    const type = column.t ?? 'string';
    const name = (type === 'int' ? 'Int' : 'String') + String(++counts[type]).padStart(2, '0');
    const values = several(group?.[name]).map((v) => (type === 'int' ? { intValue: String(v) } : { stringValue: text(v) }));
    if (values.length) found.push({ key: column.n, value: wrap(values.length > 1, values) });
  }
  return found;
}

function spansOfRow(row, columns) {
  const attributes = (attrs, scope, group, owner = {}) => [
    ...list(attrs).map((a) => ({ key: text(a.Key), value: value(a) })), ...dedicated(columns, scope, group), ...fixed(owner, scope),
  ];
  const spans = [];
  for (const { Resource, ss } of row.rs) {
    const service = text(Resource.ServiceName);
    const resource = attributes(Resource.Attrs, 'resource', Resource.DedicatedAttributes, Resource);
    if (service) resource.push({ key: 'service.name', value: { stringValue: service } });
    for (const { Scope, Spans } of ss) {
      for (const span of Spans) {
        spans.push({
          traceId: hex(row.TraceID), spanId: hex(span.SpanID), parentSpanId: hex(span.ParentSpanID), traceState: text(span.TraceState),
          name: text(span.Name), kind: Number(span.Kind),
          startTimeUnixNano: String(span.StartTimeUnixNano), endTimeUnixNano: String(span.StartTimeUnixNano + span.DurationNano),
          attributes: attributes(span.Attrs, 'span', span.DedicatedAttributes, span),
          events: list(span.Events).map((event) => ({
            timeUnixNano: String(span.StartTimeUnixNano + event.TimeSinceStartNano), name: text(event.Name),
            attributes: attributes(event.Attrs, 'event', event.DedicatedAttributes),
          })),
          links: list(span.Links).map((link) => ({ traceId: hex(link.TraceID), spanId: hex(link.SpanID), attributes: attributes(link.Attrs, 'link') })),
          status: { code: Number(span.StatusCode), message: text(span.StatusMessage) },
          scope: { name: text(Scope.Name), version: text(Scope.Version) },
          resource,
        });
      }
    }
  }
  return spans;
}

export function spansOfBlock(rows, dataFile) {
  const meta = JSON.parse(readFileSync(join(dirname(dataFile), 'meta.json'), 'utf8'));
  if (!['vParquet5', 'vParquet4'].includes(meta.format)) throw new Error(`${dataFile}: this reader knows vParquet5 and 4, not ${meta.format}`);
  if (Number(meta.totalObjects) !== rows.length) throw new Error(`${dataFile}: meta.json says ${meta.totalObjects} traces, the file has ${rows.length}`);
  return rows.flatMap((row) => spansOfRow(row, meta.dedicatedColumns ?? []));
}
