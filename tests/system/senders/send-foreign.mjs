// node send-foreign.mjs <zipkin|jaeger-http|jaeger-udp|jaeger-grpc|otel-zipkin|otel-jaeger-http|otel-jaeger-udp> <url or host:port>
// One trace of a server span "parent" and, below it, a client span "child", made and sent by somebody else's library in its own
// protocol. Prints {"traceId":…} once it was handed over (over UDP nobody says more).

import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const [, , kind, target] = process.argv;
const [host, port] = target.replace(/^https?:\/\//, '').split(':');

const senders = { zipkin, 'jaeger-http': jaegerClient, 'jaeger-udp': jaegerClient, 'jaeger-grpc': jaegerGrpc, 'otel-zipkin': openTelemetry, 'otel-jaeger-http': openTelemetry, 'otel-jaeger-udp': openTelemetry };

/** Zipkin's own tracer and HTTP transport. */
async function zipkin() {
  const { Tracer, ExplicitContext, BatchRecorder, Annotation, jsonEncoder } = require('zipkin');
  const { HttpLogger } = require('zipkin-transport-http');
  const logger = new HttpLogger({ endpoint: `${target}/api/v2/spans`, jsonEncoder: jsonEncoder.JSON_V2, httpInterval: 50 });
  const failed = new Promise((_, reject) => logger.on('error', reject));
  const recorder = new BatchRecorder({ logger });
  const tracer = new Tracer({ ctxImpl: new ExplicitContext(), recorder, localServiceName: 'foreign', traceId128Bit: true });
  const record = (id, name, begin, end) => tracer.letId(id, () => {
    tracer.recordServiceName('foreign');
    tracer.recordRpc(name);
    tracer.recordBinary('key', 'value');
    tracer.recordAnnotation(begin);
    tracer.recordAnnotation(end);
  });
  const root = tracer.createRootId();
  const child = tracer.letId(root, () => tracer.createChildId());
  record(child, 'child', new Annotation.ClientSend(), new Annotation.ClientRecv());
  record(root, 'parent', new Annotation.ServerRecv(), new Annotation.ServerSend());
  await Promise.race([failed, sleep(1000)]);
  return root.traceId;
}

/** Jaeger's own client: Thrift over HTTP, or datagrams in the binary protocol. */
async function jaegerClient() {
  const { initTracer } = require('jaeger-client');
  const { Tags } = require('opentracing');
  const reporter = kind === 'jaeger-udp' ? { agentHost: host, agentPort: Number(port) } : { collectorEndpoint: `${target}/api/traces` };
  let error;
  const logger = { info() {}, error(text) { error = text; } };
  const tracer = initTracer({ serviceName: 'foreign', traceId128bit: true, sampler: { type: 'const', param: 1 }, reporter }, { logger });
  const parent = tracer.startSpan('parent', { tags: { [Tags.SPAN_KIND]: Tags.SPAN_KIND_RPC_SERVER, key: 'value' } });
  const child = tracer.startSpan('child', { childOf: parent, tags: { [Tags.SPAN_KIND]: Tags.SPAN_KIND_RPC_CLIENT, key: 'value' } });
  child.finish();
  parent.finish();
  const traceId = parent.context().traceIdStr;
  await new Promise((resolve) => tracer.close(resolve));
  if (error) throw new Error(error);
  return traceId;
}

/** The gRPC library of everybody, over the messages of Jaeger. */
async function jaegerGrpc() {
  const grpc = require('@grpc/grpc-js');
  const loader = require('@grpc/proto-loader');
  const proto = grpc.loadPackageDefinition(loader.loadSync(new URL('jaeger.proto', import.meta.url).pathname));
  const client = new proto.jaeger.api_v2.CollectorService(target.replace(/^https?:\/\//, ''), grpc.credentials.createInsecure());
  const [traceId, parentId, childId] = [randomBytes(16), randomBytes(8), randomBytes(8)];
  const start = { seconds: Math.floor(Date.now() / 1000), nanos: 5000 };
  const tags = (role) => [{ key: 'span.kind', vStr: role }, { key: 'key', vStr: 'value' }];
  const common = { traceId, startTime: start, duration: { seconds: 0, nanos: 1000 } };
  const spans = [
    { ...common, spanId: parentId, operationName: 'parent', tags: tags('server') },
    { ...common, spanId: childId, operationName: 'child', tags: tags('client'), references: [{ traceId, spanId: parentId, refType: 0 }] },
  ];
  await new Promise((resolve, reject) => client.PostSpans({ batch: { spans, process: { serviceName: 'foreign' } } }, (error) => (error ? reject(error) : resolve())));
  client.close();
  return traceId.toString('hex');
}

/** The OpenTelemetry SDK with its exporters of the other protocols. */
async function openTelemetry() {
  const { BasicTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');
  const { resourceFromAttributes } = require('@opentelemetry/resources');
  const { SpanKind, trace, ROOT_CONTEXT } = require('@opentelemetry/api');
  const exporter = kind === 'otel-zipkin'
    ? new (require('@opentelemetry/exporter-zipkin').ZipkinExporter)({ url: target })
    : new (require('@opentelemetry/exporter-jaeger').JaegerExporter)(kind === 'otel-jaeger-udp' ? { host, port: Number(port) } : { endpoint: `${target}/api/traces` });
  const provider = new BasicTracerProvider({ resource: resourceFromAttributes({ 'service.name': 'foreign' }), spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer('foreign');
  const parent = tracer.startSpan('parent', { kind: SpanKind.SERVER, attributes: { key: 'value' } }, ROOT_CONTEXT);
  const child = tracer.startSpan('child', { kind: SpanKind.CLIENT, attributes: { key: 'value' } }, trace.setSpan(ROOT_CONTEXT, parent));
  child.end();
  parent.end();
  await provider.forceFlush();
  await provider.shutdown();
  return parent.spanContext().traceId;
}

process.stdout.write(JSON.stringify({ traceId: await senders[kind]() }));
process.exit(0);
