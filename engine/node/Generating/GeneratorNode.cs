using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.Generating;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node;

/// <summary>
/// A node that only makes metrics from spans: what comes in is judged as everywhere, counted, and not kept. There is no log, so a
/// crash loses what was counted since the last collection, as the crash of any node does. Thread safe.
/// </summary>
public sealed class GeneratorNode : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly TenantBook _tenants;
    private readonly IngestLimits _limits;
    private readonly MetricsGenerator _generator;
    private readonly NodeMetrics _metrics;
    private readonly TimeProvider _time;
    private volatile bool _isClosed;
    private int _disposed;

    private GeneratorNode(NodeOptions options, NodeMetrics metrics, MetricsGenerator generator, TimeProvider time)
    {
        (_options, _generator, _metrics, _time) = (options, generator, metrics, time);
        _tenants = new TenantBook(options.MaxTenants, metrics, time);
        _limits = new IngestLimits(options, time);
    }

    /// <summary>Starts. Throws <see cref="NodeStartException"/> for a folder of queues that cannot be used.</summary>
    public static GeneratorNode Start(NodeOptions options, MetricRegistry metrics, Log log, TimeProvider time) =>
        new(options, new NodeMetrics(metrics), GeneratorStart.Start(options, NodeMachine.Real, metrics, log, time), time);

    /// <summary>Why metrics are not where they should be by now; empty if they are.</summary>
    public string LastError => _generator.LastError;

    /// <summary>
    /// Counts the spans of an OTLP request in the tenant's metrics. Accepted: every span that is not in the rejected ones has been
    /// counted, or left out for a reason that the generator's own metrics tell.
    /// </summary>
    public ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request) => ValueTask.FromResult(Ingest(tenant, request));

    /// <summary>See <see cref="TempoNode.TryWriteGeneratedMetrics"/>.</summary>
    public bool TryWriteGeneratedMetrics(TenantId tenant, bool isOpenMetrics, IBufferWriter<byte> output) =>
        _generator.TryWriteExposition(tenant, isOpenMetrics, output);

    /// <summary>Refuses new requests, collects a last time and sends what can be sent.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _isClosed = true;
        await _generator.DisposeAsync().ConfigureAwait(false);
    }

    private IngestOutcome Ingest(TenantId tenant, NativeBuffer request)
    {
        if (_isClosed) return new IngestOutcome(IngestStatus.Unavailable, 0, 0, "the node is stopping");
        if (_tenants.Find(tenant) is not { } account) return _tenants.Refuse(tenant, request);
        account.BytesReceived.Add(request.Length);
        var sink = new AdmissionSink(runs: null, maxAttributeBytes: int.MaxValue, SpanTimes.At(_time.GetUtcNow()));
        if (!OtlpTraceReader.TryRead(request.Written, ref sink, out var error))
            return new IngestOutcome(IngestStatus.Invalid, 0, 0, error.Message);
        var summary = sink.Summary;
        account.SpansReceived.Add(summary.SpanCount);
        _metrics.CountOddities(tenant, sink.Times, summary.TooDeepAttributeCount);
        if (!_limits.TryTakeRate(account, _options.Overrides.Of(tenant), request.Length, summary.SpanCount, out var refusal))
            return refusal;
        _generator.Add(tenant, request.Written);
        return Finish(account, summary);
    }

    private static IngestOutcome Finish(TenantAccount account, OtlpRequestSummary summary)
    {
        var message = account.DiscardInvalid(summary);
        var accepted = summary.SpanCount - summary.InvalidSpanCount;
        var isInvalid = accepted == 0 && summary.InvalidSpanCount > 0;
        return new IngestOutcome(
            isInvalid ? IngestStatus.Invalid : IngestStatus.Accepted, accepted, summary.InvalidSpanCount, message);
    }
}
