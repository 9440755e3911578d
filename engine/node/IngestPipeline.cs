using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// The way of a request on the node that owns its spans:
/// <code>
/// 1 validate   one walk over the bytes, nothing kept; the ids of every span are judged
/// 2 log        append the raw bytes, wait until they are durable
/// 3 index      decode into the live columns; from here on the spans are found
/// 4 answer
/// </code>
/// A crash after 2 replays the request through 3, with the same judgement on every span.
/// </summary>
internal sealed class IngestPipeline(NodeOptions options, WriteAheadLog log, Func<NodeView> view, NodeMetrics metrics)
{
    private const string Stopping = "the node is stopping";
    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryWhenDiskHasSpace = TimeSpan.FromSeconds(30);
    private long _inflightBytes;

    /// <summary>Set by the owner once the node stops; requests are then refused.</summary>
    public bool IsClosed { get; set; }

    public long InflightBytes => Interlocked.Read(ref _inflightBytes);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request)
    {
        if (!TryValidate(tenant, request, out var summary, out var refusal)) return refusal;
        var valid = summary.SpanCount - summary.InvalidSpanCount;
        if (valid == 0) return Finish(tenant, summary, default);
        if (!TryAdmit(request.Length, summary, tenant, out refusal)) return refusal;
        try
        {
            return await StoreAsync(tenant, request, summary).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Add(ref _inflightBytes, -request.Length);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<IngestOutcome> StoreAsync(TenantId tenant, NativeBuffer request, OtlpRequestSummary summary)
    {
        if (EnterCurrent() is not { } generation) return Refuse(tenant, summary, Stopping);
        try
        {
            var logged = await log.AppendAsync(generation.Log, tenant, request).ConfigureAwait(false);
            if (!logged.IsDurable) return Refuse(tenant, summary, logged);
            return Finish(tenant, summary, generation.Live.Append(tenant, request.Written));
        }
        finally
        {
            generation.Leave();
        }
    }

    private bool TryValidate(TenantId tenant, NativeBuffer request, out OtlpRequestSummary summary, out IngestOutcome refusal)
    {
        summary = default;
        refusal = default;
        metrics.BytesReceived.With(tenant.Value).Add(request.Length);
        if (!OtlpTraceReader.TryRead(request.Written, ref summary, out var error))
        {
            refusal = new IngestOutcome(IngestStatus.Invalid, 0, 0, error.Message);
            return false;
        }

        metrics.SpansReceived.With(tenant.Value).Add(summary.SpanCount);
        var entries = (long)summary.AttributeCount + summary.EventCount + summary.LinkCount;
        if (entries <= options.MaxRequestEntries) return true;
        metrics.SpansDiscarded.With("too_many_entries", tenant.Value).Add(summary.SpanCount);
        refusal = new IngestOutcome(IngestStatus.Invalid, 0, summary.SpanCount, $"{entries} attributes, events and links in one request; the limit is {options.MaxRequestEntries}");
        return false;
    }

    private bool TryAdmit(int bytes, in OtlpRequestSummary summary, TenantId tenant, out IngestOutcome refusal)
    {
        refusal = default;
        var inflight = Interlocked.Add(ref _inflightBytes, bytes);
        var reason = IsClosed ? Stopping
            : inflight > options.MaxInflightBytes ? $"{inflight} bytes of requests are being stored; the limit is {options.MaxInflightBytes}"
            : ReasonOfLiveData();
        if (reason.Length == 0) return true;
        Interlocked.Add(ref _inflightBytes, -bytes);
        refusal = Refuse(tenant, summary, reason);
        return false;
    }

    // Live data grows while a cut is slow or fails, whether as one generation or as several. Their number says nothing: a
    // crash loop leaves many small ones.
    private string ReasonOfLiveData()
    {
        var generations = view().Generations;
        long spans = 0, bytes = 0;
        foreach (var generation in generations)
        {
            spans += generation.Live.SpanCount;
            bytes += generation.Live.ByteCount;
        }

        long times = options.MaxLiveTimes;
        return spans > times * options.MaxLiveSpans ? $"{spans} spans wait to be written as blocks; the limit is {times * options.MaxLiveSpans}"
            : bytes > times * options.MaxLiveBytes ? $"{bytes} bytes of spans wait to be written as blocks; the limit is {times * options.MaxLiveBytes}"
            : "";
    }

    // Null once the node stops: its last generation is sealed and none follows.
    private Generation? EnterCurrent()
    {
        while (!IsClosed)
        {
            var generation = view().Current;
            if (generation.TryEnter()) return generation;
        }

        return null;
    }

    private IngestOutcome Refuse(TenantId tenant, in OtlpRequestSummary summary, string reason)
    {
        metrics.SpansDiscarded.With("overloaded", tenant.Value).Add(summary.SpanCount);
        return new IngestOutcome(IsClosed ? IngestStatus.Unavailable : IngestStatus.Overloaded, 0, summary.SpanCount, reason) { RetryAfter = RetrySoon };
    }

    private IngestOutcome Refuse(TenantId tenant, in OtlpRequestSummary summary, WalResult logged)
    {
        metrics.SpansDiscarded.With("wal", tenant.Value).Add(summary.SpanCount);
        return new IngestOutcome(IngestStatus.Overloaded, 0, summary.SpanCount, logged.Message)
        {
            RetryAfter = logged.IsFull ? RetryWhenDiskHasSpace : RetrySoon,
        };
    }

    private IngestOutcome Finish(TenantId tenant, in OtlpRequestSummary summary, LiveAppendResult stored)
    {
        if (stored.SpanCount > 0) metrics.SpansStored.With(tenant.Value).Add(stored.SpanCount);
        if (stored.TruncatedAttributes > 0) metrics.AttributesTruncated.Add(stored.TruncatedAttributes);
        if (summary.InvalidSpanCount == 0)
        {
            var warning = stored.TruncatedAttributes == 0 ? "" : $"{stored.TruncatedAttributes} attribute keys or values were cut to {options.MaxAttributeBytes} bytes";
            return new IngestOutcome(IngestStatus.Accepted, stored.SpanCount, 0, warning);
        }

        if (summary.InvalidTraceIdCount > 0) metrics.SpansDiscarded.With("invalid_trace_id", tenant.Value).Add(summary.InvalidTraceIdCount);
        if (summary.InvalidSpanIdCount > 0) metrics.SpansDiscarded.With("invalid_span_id", tenant.Value).Add(summary.InvalidSpanIdCount);
        var message = $"{summary.InvalidTraceIdCount} spans have a trace id that is not 16 bytes or is all zero, "
            + $"{summary.InvalidSpanIdCount} a span id that is not 8 bytes or is all zero (or a parent id that is neither empty nor 8 bytes)";
        return new IngestOutcome(stored.SpanCount > 0 ? IngestStatus.Accepted : IngestStatus.Invalid, stored.SpanCount, summary.InvalidSpanCount, message);
    }
}
