// The form in which every program of this folder prints spans, so that the test can compare them whoever made them:
// OTLP/JSON with hex ids, enums as numbers, 64-bit integers as strings; each span carries its scope and resource.

/** An attribute value of the SDK as an OTLP AnyValue; the SDK calls an integral number an int. */
export function anyValue(value) {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  switch (typeof value) {
    case 'string': return { stringValue: value };
    case 'boolean': return { boolValue: value };
    case 'number': return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default: return {};
  }
}

export const attributes = (map) => Object.entries(map ?? {}).map(([key, value]) => ({ key, value: anyValue(value) }));

const nanos = ([seconds, rest]) => String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));

/** A finished span of the SDK. Kinds of the API start at 0 (internal), those of OTLP at 1. */
export const spanFacts = (span) => ({
  traceId: span.spanContext().traceId,
  spanId: span.spanContext().spanId,
  parentSpanId: span.parentSpanContext?.spanId ?? '',
  traceState: span.spanContext().traceState?.serialize() ?? '',
  name: span.name,
  kind: span.kind + 1,
  startTimeUnixNano: nanos(span.startTime),
  endTimeUnixNano: nanos(span.endTime),
  attributes: attributes(span.attributes),
  events: span.events.map((event) => ({ timeUnixNano: nanos(event.time), name: event.name, attributes: attributes(event.attributes) })),
  links: span.links.map((link) => ({ traceId: link.context.traceId, spanId: link.context.spanId, attributes: attributes(link.attributes) })),
  status: { code: span.status.code, message: span.status.message ?? '' },
  scope: { name: span.instrumentationScope.name, version: span.instrumentationScope.version ?? '' },
  resource: attributes(span.resource.attributes),
});

export const print = (facts) => process.stdout.write(JSON.stringify(facts));
