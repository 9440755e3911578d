using System.Collections.Concurrent;
using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// Holds the limits of a tenant against a request that has been judged sound:
/// <code>
/// 1 rate     the request's bytes from the tenant's bucket, or it is refused whole
/// 2 traces   spans of traces that are too large, or one too many, are left out; the rest goes on
/// </code>
/// </summary>
internal sealed class IngestLimits(NodeOptions options, TimeProvider time)
{
    private readonly ConcurrentQueue<TraceRuns> _runs = new();
    private readonly NativeBufferPool _copies = new(maxBuffers: 16, maxRetainedBytes: 1 << 20);

    /// <summary>Whether the tenant has a limit on its traces, for which they have to be known.</summary>
    public bool AreOnTraces(TenantLimits limits) => limits.Global.MaxBytesPerTrace > 0 || MaxLiveTraces(limits) > 0;

    /// <summary>Somewhere to write down the request's traces, or null if the tenant has no limit on them.</summary>
    public TraceRuns? RentRuns(TenantLimits limits)
    {
        if (!AreOnTraces(limits)) return null;
        return _runs.TryDequeue(out var runs) ? runs : new TraceRuns();
    }

    public void Return(TraceRuns? runs)
    {
        if (runs is null || !runs.IsOrdinary || _runs.Count > Environment.ProcessorCount * 4) return;
        runs.Clear();
        _runs.Enqueue(runs);
    }

    /// <summary>False: over the rate; <paramref name="refusal"/> is what to answer.</summary>
    public bool TryTakeRate(TenantAccount account, TenantLimits limits, int bytes, int spans, out IngestOutcome refusal)
    {
        refusal = default;
        var (rate, burst) = (limits.Ingestion.RateLimitBytes, limits.Ingestion.BurstSizeBytes);
        // Every node that receives has its part of a global rate; a burst comes to one node as a whole.
        var isGlobal = limits.Ingestion.RateStrategy == "global";
        var answer = account.Bytes.Take(bytes, isGlobal ? Math.Max(1, (long)(rate * options.Share.OfReceived)) : rate, burst);
        if (answer == TokenAnswer.Taken) return true;
        account.Discard("rate_limited", spans);
        var global = isGlobal ? rate : 0;
        var limit = string.Create(CultureInfo.InvariantCulture, $"(local: {rate} bytes/s, global: {global} bytes/s, burst: {burst} bytes)");

        // What is larger than the burst can never succeed: without a delay it is not to be tried again.
        refusal = answer == TokenAnswer.Never
            ? new IngestOutcome(IngestStatus.RateLimited, 0, spans,
                $"RATE_LIMITED: batch size ({bytes} bytes) exceeds ingestion limit {limit} while adding {bytes} bytes for user {account.Tenant.Value}. consider reducing batch size or increasing rate limit.")
            : new IngestOutcome(IngestStatus.RateLimited, 0, spans,
                $"RATE_LIMITED: ingestion rate limit {limit} exceeded while adding {bytes} bytes for user {account.Tenant.Value}. consider increasing the limit or reducing ingestion rate.")
            { RetryAfter = limits.Ingestion.IsRetryInfoEnabled ? options.RetryAfterOnRateLimit : TimeSpan.Zero };
        return false;
    }

    /// <summary>Null: every trace may be stored.</summary>
    public RefusedTraces? Admit(TenantAccount account, TenantLimits limits, TraceRuns? runs)
    {
        if (runs is null) return null;
        var refused = account.Traces.Admit(runs.All, limits.Global.MaxBytesPerTrace, MaxLiveTraces(limits), options.TraceIdlePeriod);
        if (refused is null) return null;
        account.Discard("trace_too_large", refused.TooLargeSpans);
        account.Discard("live_traces_exceeded", refused.LiveTracesExceededSpans);
        return refused;
    }

    /// <summary>The request without the spans of those traces; return it with <see cref="Return(NativeBuffer)"/>.</summary>
    public NativeBuffer CopyWithout(NativeBuffer request, RefusedTraces refused)
    {
        var copy = _copies.Rent(request.Length);
        OtlpSpanFilter.CopyWithout(request.Written, refused.Traces, copy);
        return copy;
    }

    public void Return(NativeBuffer copy) => _copies.Return(copy);

    /// <summary>What a sender is told of the spans that were refused.</summary>
    public string Describe(RefusedTraces refused, TenantLimits limits, TenantId tenant)
    {
        var text = "";
        if (refused.TooLargeSpans > 0)
        {
            var (id, bytes, added) = refused.TooLarge;
            text = string.Create(CultureInfo.InvariantCulture,
                $"TRACE_TOO_LARGE: {refused.TooLargeSpans} spans refused: max size of trace ({limits.Global.MaxBytesPerTrace}) exceeded while adding {added} bytes to trace {id} (it has {bytes}) for tenant {tenant.Value}");
        }

        if (refused.LiveTracesExceededSpans == 0) return text;
        return string.Create(CultureInfo.InvariantCulture,
            $"{text}{(text.Length > 0 ? "; " : "")}LIVE_TRACES_EXCEEDED: {refused.LiveTracesExceededSpans} spans refused: max live traces exceeded for tenant {tenant.Value}: per-user traces limit (local: {limits.Ingestion.MaxTracesPerUser} global: {limits.Ingestion.MaxGlobalTracesPerUser} actual local: {MaxLiveTraces(limits)}) exceeded");
    }

    public async ValueTask DelayAsync(TenantLimits limits)
    {
        if ((limits.Ingestion.ArtificialDelay ?? options.ArtificialDelay) is { Ticks: > 0 } delay)
            await Task.Delay(delay, time).ConfigureAwait(false);
    }

    // Of a global limit the part that this node's share of all traces is; a node alone has all of them.
    private int MaxLiveTraces(TenantLimits limits) => (limits.Ingestion.MaxTracesPerUser, GlobalTraces(limits)) switch
    {
        (0, var global) => global,
        (var local, 0) => local,
        var (local, global) => Math.Min(local, global),
    };

    private int GlobalTraces(TenantLimits limits) =>
        limits.Ingestion.MaxGlobalTracesPerUser is > 0 and var all ? Math.Max(1, (int)Math.Ceiling(all * options.Share.OfTraces)) : 0;
}
