using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Edge;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;
using Tempo.Host.Tenancy;
using Tempo.Ring;

namespace Tempo.Host.Startup;

/// <summary>Every receiver that is configured, each on its port, all with one account of memory and the same way on.</summary>
internal sealed class ReceiverServers : IAsyncDisposable
{
    private const string Otlp = "otlp/otlp_receiver", Jaeger = "jaeger/jaeger_receiver";

    // The receivers count a body's bytes themselves, after decompression too.
    private static readonly ListenerLimits GrpcLimits =
        new(MaxBodyBytes: null, MaxRequestLineBytes: 8 * 1024, IsHttp2Only: true) { RunsInline = true };
    private static readonly ListenerLimits HttpLimits =
        new(MaxBodyBytes: null, MaxRequestLineBytes: 8 * 1024, IsHttp2Only: false) { RunsInline = true };

    private readonly Listeners _listeners;
    private readonly IngestRouter _router;
    private readonly TenantResolver _tenants;
    private readonly RequestMetrics _requests;
    private readonly MetricRegistry _metrics;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly List<JaegerUdpReceiver> _udp = [];
    private readonly AdmissionLine _line;

    public ReceiverServers(
        Listeners listeners, IngestRouter router, TenantResolver tenants, RequestMetrics requests, MetricRegistry metrics, Log log,
        TimeProvider time)
    {
        (_listeners, _router, _tenants, _requests, _metrics, _log, _time) = (listeners, router, tenants, requests, metrics, log, time);
        var refused = metrics.Counter("tempo_receiver_requests_refused_total",
            "Requests that were refused before they were read, because too many are being stored, too much waits to be written as blocks, or the process stops.");
        refused.Add(0);
        _line = new AdmissionLine(() => router.Room, Environment.ProcessorCount, time, refused);
        metrics.Gauge("tempo_receiver_requests_waiting", "Requests that wait to be read.", () => _line.WaitingCount);
    }

    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    public async Task StartAsync(HostOptions options)
    {
        var memory = new RequestMemory(options.Node.MaxInflightBytes);
        _metrics.Gauge("tempo_receiver_inflight_bytes", "Memory of requests that are being read or stored.", () => memory.InflightBytes);
        var set = options.Receivers;
        if (set.OtlpGrpc is { } otlpGrpc)
            await ListenAsync("otlp_grpc", otlpGrpc, GrpcLimits.With(otlpGrpc.Server),
                Grpc(new OtlpGrpcReceiver(Ingest(Otlp, "grpc"), otlpGrpc.MaxRequestBytes), memory)).ConfigureAwait(false);
        if (set.OtlpHttp is { } otlpHttp)
        {
            var ingest = Ingest(Otlp, "http");
            var receiver = new OtlpHttpReceiver(ingest,
                new HttpBody(memory, otlpHttp.MaxRequestBytes, _time, otlpHttp.Server.ContentEncodings), _requests, _time,
                otlpHttp.Server.TracesPath);
            var posts = new OtlpPosts(ingest, memory, otlpHttp.MaxRequestBytes, otlpHttp.Server.TracesPath, _requests, _log, _time);
            await ListenAsync("otlp_http", otlpHttp, HttpLimits.With(otlpHttp.Server), receiver.HandleAsync, posts).ConfigureAwait(false);
        }

        if (set.Zipkin is { } zipkin)
        {
            var receiver = new ZipkinReceiver(_router, _tenants, _line, _metrics,
                new HttpBody(memory, zipkin.MaxRequestBytes, _time, zipkin.Server.ContentEncodings), _requests, _time, zipkin.ParsesTags);
            await ListenAsync("zipkin", zipkin, HttpLimits.With(zipkin.Server), receiver.HandleAsync).ConfigureAwait(false);
        }

        await StartJaegerAsync(set, memory, options.MultitenancyEnabled).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var receiver in _udp) await receiver.DisposeAsync().ConfigureAwait(false);
        _line.Dispose();
    }

    private async Task StartJaegerAsync(ReceiverSet set, RequestMemory memory, bool hasTenants)
    {
        if (set.JaegerGrpc is { } grpc)
            await ListenAsync("jaeger_grpc", grpc, GrpcLimits.With(grpc.Server),
                Grpc(new JaegerGrpcReceiver(Ingest(Jaeger, "grpc"), grpc.MaxRequestBytes), memory)).ConfigureAwait(false);
        if (set.JaegerHttp is { } http)
        {
            var receiver = new JaegerHttpReceiver(Ingest(Jaeger, "collector_http"),
                new HttpBody(memory, http.MaxRequestBytes, _time, http.Server.ContentEncodings), _requests, _time);
            await ListenAsync("jaeger_thrift_http", http, HttpLimits.With(http.Server), receiver.HandleAsync).ConfigureAwait(false);
        }

        if (set.JaegerCompact is { } compact) Listen(compact, isCompact: true);
        if (set.JaegerBinary is { } binary) Listen(binary, isCompact: false);

        void Listen(ReceiverOptions receiver, bool isCompact)
        {
            _udp.Add(JaegerUdpReceiver.Start(receiver.Listen, isCompact,
                hasTenants ? null : Ingest(Jaeger, JaegerUdpReceiver.TransportOf(isCompact)), memory, _metrics, _log));
            _listeners.AddDatagramPort(JaegerUdpReceiver.NameOf(isCompact));
        }
    }

    // Posts are what is taken below Kestrel; null: nothing.
    private Task ListenAsync(
        string name, ReceiverOptions receiver, ListenerLimits limits, Func<HttpContext, Task> handle, PlainPosts? posts = null) =>
            _listeners.OpenAsync(
                name, receiver.Listen, limits, handle, receiver.Tls, inner => ReceiverFront.Around(receiver, _time, inner), posts);

    private OtlpIngest Ingest(string receiver, string transport) => new(_router, _tenants, _line, _metrics, receiver, transport);

    private Func<HttpContext, Task> Grpc(IGrpcMethod method, RequestMemory memory) =>
        new GrpcServer([method], memory, _requests, _log, _time).HandleAsync;
}
