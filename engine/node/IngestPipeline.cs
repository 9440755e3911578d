using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// The way of a request on the node that owns its spans:
/// <code>
/// 1 validate   one walk over the bytes, nothing kept; the ids of every span are judged
/// 2 limits     room for live data, the tenant's rate, its traces; what is over a trace's limit is left out of the bytes
/// 3 log        append the raw bytes, wait until they are durable
/// 4 index      decode into the live columns; from here on the spans are found
/// 5 generate   count the spans in the tenant's metrics, if it has any
/// 6 answer
/// </code>
/// A crash after 3 replays the request through 4, with the same judgement on every span. Every span that came in is counted
/// once: as stored, or as discarded with a reason.
/// </summary>
internal sealed partial class IngestPipeline(
    NodeOptions options, WriteAheadLog log, Func<NodeView> view, CutLoop cuts, NodeMetrics metrics, MetricsGenerator generator,
    TimeProvider time)
{
    private const string Stopping = "the node is stopping";

    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryWhenDiskHasSpace = TimeSpan.FromSeconds(30);
    private readonly TenantBook _tenants = new(options.MaxTenants, metrics, time);
    private readonly IngestLimits _limits = new(options, time);

    // Requests between the log and the answer.
    private int _storing;
    private long _storingBytes;

    /// <summary>Set by the owner once the node stops; requests are then refused.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Gives back what is kept of tenants that have become silent.</summary>
    public void Trim() => _tenants.Trim();

    /// <summary>Tenants that have an account.</summary>
    public int TenantCount => _tenants.Count;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request)
    {
        if (_tenants.Find(tenant) is not { } account) return _tenants.Refuse(tenant, request);
        var limits = options.Overrides.Of(tenant);
        var runs = _limits.RentRuns(limits);
        try
        {
            if (!TryValidate(account, limits, request, runs, isReceived: true, out var summary, out var refusal)) return refusal;
            var push = new Push(account, limits, summary, runs, null);
            if (summary.SpanCount == summary.InvalidSpanCount) return Finish(push, default);
            if (ReasonToRefuse(isLetIn: true) is { Length: > 0 } reason) return Refuse(push with { Runs = null }, reason);
            if (!_limits.TryTakeRate(account, limits, request.Length, summary.SpanCount, out refusal)) return refusal;
            await _limits.DelayAsync(limits).ConfigureAwait(false);
            var refused = _limits.Admit(account, limits, runs);
            return refused is null
                ? await StoreAsync(push, request).ConfigureAwait(false)
                : await StorePartAsync(push with { Refused = refused }, request).ConfigureAwait(false);
        }
        finally
        {
            _limits.Return(runs);
        }
    }

    // The rare way of a request of which the tenant's limits let in only a part.
    private async ValueTask<IngestOutcome> StorePartAsync(Push push, NativeBuffer request)
    {
        if (push.LeftSpans == 0) return Finish(push, default);
        var part = _limits.CopyWithout(request, push.Refused!);
        try
        {
            return await StoreAsync(push, part).ConfigureAwait(false);
        }
        finally
        {
            _limits.Return(part);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<IngestOutcome> StoreAsync(Push push, NativeBuffer request)
    {
        if (EnterCurrent() is not { } generation) return Refuse(push, Stopping);
        CountStoring(1, request.Length);
        try
        {
            Failpoints.Hit(Failpoint.IngestJudged);
            var logged = await log.AppendAsync(generation.Log, push.Account.Tenant, request).ConfigureAwait(false);
            if (!logged.IsDurable)
            {
                if (logged.IsFull) cuts.Wake(); // what is logged becomes blocks now, and its files are free
                return Refuse(push, logged);
            }

            Failpoints.Hit(Failpoint.IngestLogged);
            generation.Fill(time);
            var stored = generation.Live.Append(push.Account.Tenant, request.Written, options.MaxAttributeBytesOf(push.Limits));
            Failpoints.Hit(Failpoint.IngestLive);
            if (cuts.IsFull(generation)) cuts.Wake();
            if (push.IsCounted) generator.Add(push.Account.Tenant, request.Written);
            return Finish(push, stored);
        }
        finally
        {
            CountStoring(-1, -request.Length);
            generation.Leave();
        }
    }

    private void CountStoring(int requests, long bytes)
    {
        Interlocked.Add(ref _storing, requests);
        Interlocked.Add(ref _storingBytes, bytes);
    }

    private bool TryValidate(
        TenantAccount account, TenantLimits limits, NativeBuffer request, TraceRuns? runs, bool isReceived, out OtlpRequestSummary summary,
        out IngestOutcome refusal)
    {
        refusal = default;
        if (isReceived) account.BytesReceived.Add(request.Length);
        var sink = new AdmissionSink(runs, options.MaxAttributeBytesOf(limits), SpanTimes.At(time.GetUtcNow()));
        var isSound = OtlpTraceReader.TryRead(request.Written, ref sink, out var error);
        summary = sink.Summary;
        if (!isSound)
        {
            refusal = new IngestOutcome(IngestStatus.Invalid, 0, 0, error.Message);
            return false;
        }

        if (isReceived)
        {
            account.SpansReceived.Add(summary.SpanCount);
            metrics.CountOddities(account.Tenant, sink.Times, summary.TooDeepAttributeCount);
        }

        if (request.Length > NodeOptions.MaxRequestBytes)
        {
            account.Discard("request_too_large", summary.SpanCount);
            refusal = new IngestOutcome(IngestStatus.TooLarge, 0, summary.SpanCount,
                $"a request of {request.Length} bytes as OTLP protobuf; the limit is {NodeOptions.MaxRequestBytes}");
            return false;
        }

        if (summary.EntryCount <= options.MaxRequestEntries) return true;
        account.Discard("too_many_entries", summary.SpanCount);
        refusal = new IngestOutcome(IngestStatus.Invalid, 0, summary.SpanCount,
            $"{summary.EntryCount} attributes, events and links in one request; the limit is {options.MaxRequestEntries}");
        return false;
    }

    /// <summary>What a request that comes in now would meet.</summary>
    public IngestRoom Room =>
        new(ReasonToRefuse(isLetIn: false), Volatile.Read(ref _storing), Interlocked.Read(ref _storingBytes), IsClosed);

    // Empty if nothing is in the way. How much may be on its way the receivers say; live data grows while a cut is slow or fails, whether
    // as one generation or as several. Their number says nothing: a crash loop leaves many small ones.
    private string ReasonToRefuse(bool isLetIn)
    {
        if (IsClosed) return Stopping;
        long spans = 0, bytes = 0, memory = 0;
        foreach (var generation in view().Generations)
        {
            spans += generation.Live.SpanCount;
            bytes += generation.Live.ByteCount;
            memory += generation.Live.MemoryBytes;
        }

        var (maxSpans, maxBytes, maxMemory) =
            (options.MaxLiveTimes * (long)options.MaxLiveSpans, options.MaxLiveTimes * options.MaxLiveBytes, options.LiveMemoryBytes);
        if (IsBeyond(spans, maxSpans)) return $"{spans} spans wait to be written as blocks; the limit is {maxSpans}";
        if (IsBeyond(bytes, maxBytes)) return $"{bytes} bytes of spans wait to be written as blocks; the limit is {maxBytes}";
        if (IsBeyond(memory, maxMemory))
            return $"spans that take {memory} bytes of memory wait to be written as blocks; the limit is {maxMemory}";
        return "";

        // What was let in before the limit was reached, and has been read since, has a sixteenth beyond it.
        bool IsBeyond(long value, long max) => value > (isLetIn ? max + max / 16 : max);
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

    private IngestOutcome Refuse(Push push, string reason)
    {
        push.TakeBack();
        push.Account.Discard("overloaded", push.LeftSpans + push.Summary.InvalidSpanCount);
        return new IngestOutcome(
            IsClosed ? IngestStatus.Unavailable : IngestStatus.Overloaded, 0, push.Summary.SpanCount, reason)
        { RetryAfter = RetrySoon };
    }

    private static IngestOutcome Refuse(Push push, WalResult logged)
    {
        push.TakeBack();
        push.Account.Discard("wal", push.LeftSpans + push.Summary.InvalidSpanCount);
        return new IngestOutcome(IngestStatus.Overloaded, 0, push.Summary.SpanCount, logged.Message)
        {
            RetryAfter = logged.IsFull ? RetryWhenDiskHasSpace : RetrySoon,
        };
    }

    private IngestOutcome Finish(Push push, LiveAppendResult stored)
    {
        var (account, summary) = (push.Account, push.Summary);
        if (stored.SpanCount > 0) account.SpansStored.Add(stored.SpanCount);
        if (stored.Truncated.Total > 0) metrics.CountTruncated(account.Tenant, stored.Truncated);
        if (stored.ReplacedTexts > 0) metrics.TextsReplaced.With(account.Tenant.Value).Add(stored.ReplacedTexts);
        var rejected = summary.InvalidSpanCount + push.RefusedSpans;
        if (rejected == 0) return new IngestOutcome(IngestStatus.Accepted, stored.SpanCount, 0, DescribeChanges(push, stored));

        var message = account.DiscardInvalid(summary);
        if (push.Refused is { } refused)
            message = _limits.Describe(refused, push.Limits, account.Tenant) + (message.Length > 0 ? "; " : "") + message;
        var isInvalid = stored.SpanCount == 0 && push.Refused is null;
        return new IngestOutcome(isInvalid ? IngestStatus.Invalid : IngestStatus.Accepted, stored.SpanCount, rejected,
            message)
        { RefusedTraceIds = push.Refused?.Traces };
    }

    // What is kept otherwise than it was sent, for the sender to hear of.
    private string DescribeChanges(Push push, LiveAppendResult stored)
    {
        var (links, tooDeep) = (push.Summary.InvalidLinkIdCount, push.Summary.TooDeepAttributeCount);
        if ((stored.Truncated.Total | links | tooDeep) == 0) return "";
        List<string> changes = [];
        if (stored.Truncated.Total > 0)
            changes.Add($"{stored.Truncated.Total} attribute keys or values were cut to {options.MaxAttributeBytesOf(push.Limits)} bytes");
        if (tooDeep > 0)
            changes.Add($"{tooDeep} attributes nested deeper than {OtlpTraceReader.MaxValueDepth} levels were replaced by \"<too deep>\"");
        if (links > 0)
            changes.Add($"{links} links have a trace id that is not 16 bytes or a span id that is not 8, which is kept as zeros");
        return string.Join("; ", changes);
    }

    /// <summary>One request and what was found out about it.</summary>
    private sealed record Push(
        TenantAccount Account, TenantLimits Limits, OtlpRequestSummary Summary, TraceRuns? Runs, RefusedTraces? Refused)
    {
        /// <summary>In the metrics from spans: another owner counts the copies.</summary>
        public bool IsCounted { get; init; } = true;

        public int RefusedSpans => Refused is null ? 0 : Refused.TooLargeSpans + Refused.LiveTracesExceededSpans;

        /// <summary>Valid spans that the limits let in.</summary>
        public int LeftSpans => Summary.SpanCount - Summary.InvalidSpanCount - RefusedSpans;

        /// <summary>The request was not stored after all: its traces have not grown.</summary>
        public void TakeBack()
        {
            if (Runs is not null) Account.Traces.TakeBack(Runs.All, Refused);
        }
    }
}
