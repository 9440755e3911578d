using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

// The two halves of the way where a request comes in on one node and is stored on others: steps 1 and 2 (but for the limits on
// traces) where it comes in, the rest on each owner.
internal sealed partial class IngestPipeline
{
    private readonly NativeBufferPool _replicaBuffers = new(maxBuffers: 64, maxRetainedBytes: 1 << 20);
    private int _replicas;

    /// <summary>No more spans of the ring: what is not counted in <see cref="Replicas"/> by now is refused.</summary>
    public bool IsClosedToReplicas { get; set; }

    /// <summary>Groups that <see cref="IngestReplicasAsync"/> has not answered yet.</summary>
    public int Replicas => Volatile.Read(ref _replicas);

    /// <summary>Judges a request and takes its bytes from the tenant's rate; <paramref name="runs"/> gets its traces.</summary>
    public async ValueTask<IngestAdmission> AdmitAsync(TenantId tenant, NativeBuffer request, TraceRuns runs)
    {
        if (_tenants.Find(tenant) is not { } account) return new IngestAdmission(_tenants.Refuse(tenant, request));
        if (IsClosed) return new IngestAdmission(new IngestOutcome(IngestStatus.Unavailable, 0, 0, Stopping) { RetryAfter = RetrySoon });
        var limits = options.Overrides.Of(tenant);
        if (!TryValidate(account, limits, request, runs, isReceived: true, out var summary, out var refusal))
            return new IngestAdmission(refusal);
        if (summary.SpanCount == summary.InvalidSpanCount)
            return new IngestAdmission(Finish(new Push(account, limits, summary, runs, null), default));
        if (!_limits.TryTakeRate(account, limits, request.Length, summary.SpanCount, out refusal)) return new IngestAdmission(refusal);
        await _limits.DelayAsync(limits).ConfigureAwait(false);
        // What the owners do not see, who need not judge it again, is told here.
        if ((summary.InvalidSpanCount | summary.InvalidLinkIdCount | summary.TooDeepAttributeCount) == 0)
            return new IngestAdmission(summary.SpanCount);
        var judged = Finish(new Push(account, limits, summary, runs, null), default);
        return new IngestAdmission(summary.SpanCount - summary.InvalidSpanCount, judged.RejectedSpans, judged.Message);
    }

    /// <summary>
    /// Stores what another node, or the part of this one that receives, has admitted. Nothing is judged twice, but by the limits on traces,
    /// which each owner holds for itself.
    /// </summary>
    public async ValueTask IngestReplicasAsync(RequestGroup group)
    {
        Interlocked.Increment(ref _replicas);
        try
        {
            Interlocked.MemoryBarrier();
            var isOpen = !IsClosedToReplicas && ReasonToRefuse(isLetIn: true).Length == 0;
            if (isOpen && _tenants.Find(group.Tenant) is { } account && options.Overrides.Of(group.Tenant) is var limits
                && !_limits.AreOnTraces(limits) && group.Bytes.Length <= NodeOptions.MaxRequestBytes)
                await StoreGroupAsync(group, account, limits).ConfigureAwait(false);
            else if (group.Count == 1)
                group.Answer(await IngestReplicaAsync(group.Tenant, group.Bytes, group.IsCounted).ConfigureAwait(false));
            else
                await IngestEachAsync(group).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _replicas);
        }
    }

    // One record of the log; each request's rows by themselves, so that each has its own answer.
    private async ValueTask StoreGroupAsync(RequestGroup group, TenantAccount account, TenantLimits limits)
    {
        if (EnterCurrent() is not { } generation)
        {
            await IngestEachAsync(group).ConfigureAwait(false);
            return;
        }

        CountStoring(group.Count, group.Bytes.Length);
        try
        {
            Failpoints.Hit(Failpoint.IngestJudged);
            var logged = await log.AppendAsync(generation.Log, group.Tenant, group.Bytes).ConfigureAwait(false);
            if (logged.IsDurable)
            {
                Failpoints.Hit(Failpoint.IngestLogged);
                generation.Fill(time);
            }
            else if (logged.IsFull)
            {
                cuts.Wake(); // what is logged becomes blocks now, and its files are free
            }

            for (var i = 0; i < group.Count; i++)
                group.Answer(logged.IsDurable
                    ? Show(generation, account, limits, group.RequestAt(i))
                    : Refuse(account, limits, group.RequestAt(i), logged));
            if (!logged.IsDurable) return;
            Failpoints.Hit(Failpoint.IngestLive);
            if (cuts.IsFull(generation)) cuts.Wake();
            if (group.IsCounted) generator.Add(group.Tenant, group.Bytes.Written);
        }
        finally
        {
            CountStoring(-group.Count, -group.Bytes.Length);
            generation.Leave();
        }
    }

    private IngestOutcome Show(Generation generation, TenantAccount account, TenantLimits limits, ReadOnlySpan<byte> request)
    {
        var stored = generation.Live.Append(account.Tenant, request, options.MaxAttributeBytesOf(limits));
        return Finish(new Push(account, limits, default, null, null), stored);
    }

    private static IngestOutcome Refuse(TenantAccount account, TenantLimits limits, ReadOnlySpan<byte> request, WalResult logged)
    {
        var summary = default(OtlpRequestSummary);
        OtlpTraceReader.TryRead(request, ref summary, out _);
        return Refuse(new Push(account, limits, summary, null, null), logged);
    }

    // What is refused, or held against limits on traces, is so request by request; all at once, so that they are synced together.
    private async ValueTask IngestEachAsync(RequestGroup group)
    {
        var requests = new NativeBuffer[group.Count];
        var outcomes = new Task<IngestOutcome>[group.Count];
        for (var i = 0; i < requests.Length; i++)
        {
            requests[i] = _replicaBuffers.Rent(group.RequestAt(i).Length);
            requests[i].Append(group.RequestAt(i));
            outcomes[i] = IngestReplicaAsync(group.Tenant, requests[i], group.IsCounted).AsTask();
        }

        await ((Task)Task.WhenAll(outcomes)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var request in requests) _replicaBuffers.Return(request);
        foreach (var outcome in outcomes) group.Answer(await outcome.ConfigureAwait(false));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<IngestOutcome> IngestReplicaAsync(TenantId tenant, NativeBuffer request, bool isCounted)
    {
        if (_tenants.Find(tenant) is not { } account) return _tenants.Refuse(tenant, request);
        var limits = options.Overrides.Of(tenant);
        var runs = _limits.RentRuns(limits);
        try
        {
            if (IsClosedToReplicas)
                return new IngestOutcome(IngestStatus.Unavailable, 0, 0, "the node is leaving the ring") { RetryAfter = RetrySoon };
            if (!TryValidate(account, limits, request, runs, isReceived: false, out var summary, out var refusal)) return refusal;
            var push = new Push(account, limits, summary, runs, null) { IsCounted = isCounted };
            if (ReasonToRefuse(isLetIn: true) is { Length: > 0 } reason) return Refuse(push with { Runs = null }, reason);
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
}

/// <summary>What is to be done with a request that came in to be passed on.</summary>
/// <param name="ValidSpans">Spans to store.</param>
/// <param name="RejectedSpans">Spans whose ids make no sense.</param>
/// <param name="Message">Why they were refused.</param>
public readonly record struct IngestAdmission(int ValidSpans, int RejectedSpans = 0, string Message = "")
{
    /// <summary>Nothing is to be done: this is the answer.</summary>
    public IngestAdmission(IngestOutcome answer)
        : this(0) => Answer = answer;

    public IngestOutcome? Answer { get; }
}
