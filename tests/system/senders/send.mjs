// node send.mjs <grpc|proto|json> <endpoint> <spec.json>
// Makes the spans of the spec with the OpenTelemetry SDK, hands them to the named OTLP exporter, and prints
// {"batches":[{"ok":true,"spans":[...]}],"warnings":[...]}: what was sent, whether the exporter calls it delivered,
// and what the SDK warned about (a partial success is such a warning). Each time the exporter is going to try again it
// writes the line "retrying" to standard error.
// The spec: {resource, scope, repeat, pauseMs, spans:[{name, kind, parent, durationUs, attributes, events, links, status, remoteParent, zeroId}]},
// where parent and links[].to are indices into spans.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT_CONTEXT, createTraceState, diag, DiagLogLevel, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, InMemorySpanExporter, RandomIdGenerator, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { print, spanFacts } from './facts.mjs';

const exporterPackages = {
  grpc: '@opentelemetry/exporter-trace-otlp-grpc',
  proto: '@opentelemetry/exporter-trace-otlp-proto',
  json: '@opentelemetry/exporter-trace-otlp-http',
};

const [, , protocol, url, specFile] = process.argv;
const spec = JSON.parse(readFileSync(specFile, 'utf8'));

const warnings = [];
const note = (...words) => warnings.push(words.map((w) => (typeof w === 'string' ? w : JSON.stringify(w))).join(' '));
const ignore = () => {};
const tellRetries = (text) => text.startsWith('Scheduling export retry') && process.stderr.write('retrying\n');
diag.setLogger({ error: note, warn: note, info: ignore, debug: ignore, verbose: tellRetries }, DiagLogLevel.VERBOSE);

const { OTLPTraceExporter } = await import(exporterPackages[protocol]);
// Enough that a slow machine does not end the exporter's retrying.
const exporter = new OTLPTraceExporter({ url, timeoutMillis: 30_000 });

/** Random ids, and the all-zero one when the spec asks for a span no server may take. */
class SpecIds extends RandomIdGenerator {
  zero = false;
  generateSpanId = ((random) => () => (this.zero ? '0'.repeat(16) : random()))(this.generateSpanId);
}

function parentContext(planned, made, ids) {
  if (planned.parent !== undefined) return trace.setSpan(ROOT_CONTEXT, made[planned.parent]);
  if (!planned.remoteParent) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: ids.generateTraceId(), spanId: ids.generateSpanId(), traceFlags: 1, isRemote: true,
    traceState: createTraceState(planned.remoteParent.traceState),
  });
}

/** Times are the SDK's [seconds, nanoseconds] pairs, so that no digit is lost in a double. */
const plus = ([seconds, nanoseconds], microseconds) => {
  const sum = nanoseconds + microseconds * 1000;
  return [seconds + Math.floor(sum / 1e9), sum % 1e9];
};

function makeSpans() {
  const memory = new InMemorySpanExporter();
  const ids = new SpecIds();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes(spec.resource), idGenerator: ids, spanProcessors: [new SimpleSpanProcessor(memory)],
  });
  const tracer = provider.getTracer(spec.scope.name, spec.scope.version);
  const now = [Math.floor(Date.now() / 1000) - 1, 123_456_789];
  const made = [];
  for (const [index, planned] of spec.spans.entries()) {
    ids.zero = planned.zeroId ?? false;
    const startTime = plus(now, index * 1000);
    const links = (planned.links ?? []).map((link) => ({ context: made[link.to].spanContext(), attributes: link.attributes }));
    const options = { kind: planned.kind ?? 0, startTime, links, attributes: planned.attributes };
    const span = tracer.startSpan(planned.name, options, parentContext(planned, made, ids));
    for (const event of planned.events ?? []) span.addEvent(event.name, event.attributes, plus(startTime, event.afterUs));
    if (planned.status) span.setStatus(planned.status);
    span.end(plus(startTime, planned.durationUs ?? 500));
    made.push(span);
  }
  return memory.getFinishedSpans();
}

const deliver = (spans) => new Promise((resolve) => exporter.export(spans, resolve));

const batches = [];
for (let round = 0; round < (spec.repeat ?? 1); round++) {
  if (round > 0) await sleep(spec.pauseMs ?? 0);
  const spans = makeSpans();
  const result = await deliver(spans);
  batches.push({ ok: result.code === 0, error: result.error?.message ?? '', spans: spans.map(spanFacts) });
}

await exporter.shutdown();
print({ batches, warnings });
