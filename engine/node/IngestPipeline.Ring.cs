using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;

namespace Tempo.Engine.Node;

// The two halves of the way where a request comes in on one node and is stored on others: steps 1 and 2 (but for the limits on
// traces) where it comes in, the rest on each owner.
internal sealed partial class IngestPipeline
{
    private int _replicas;

    /// <summary>No more spans of the ring: what is not counted in <see cref="Replicas"/> by now is refused.</summary>
    public bool IsClosedToReplicas { get; set; }

    /// <summary>Requests that <see cref="IngestReplicaAsync"/> has not answered yet.</summary>
    public int Replicas => Volatile.Read(ref _replicas);

    /// <summary>Judges a request and takes its bytes from the tenant's rate; <paramref name="runs"/> gets its traces.</summary>
    public async ValueTask<IngestAdmission> AdmitAsync(TenantId tenant, NativeBuffer request, TraceRuns runs)
    {
        if (_tenants.Find(tenant) is not { } account) return new IngestAdmission(RefuseTenant(tenant, request));
        if (IsClosed) return new IngestAdmission(new IngestOutcome(IngestStatus.Unavailable, 0, 0, Stopping) { RetryAfter = RetrySoon });
        var limits = options.Overrides.Of(tenant);
        if (!TryValidate(account, request, runs, isReceived: true, out var summary, out var refusal)) return new IngestAdmission(refusal);
        if (summary.SpanCount == summary.InvalidSpanCount) return new IngestAdmission(Finish(new Push(account, limits, summary, runs, null), default));
        if (!_limits.TryTakeRate(account, limits, request.Length, summary.SpanCount, out refusal)) return new IngestAdmission(refusal);
        await _limits.DelayAsync(limits).ConfigureAwait(false);
        if (summary.InvalidSpanCount == 0) return new IngestAdmission(summary.SpanCount);
        var judged = Finish(new Push(account, limits, summary, runs, null), default);
        return new IngestAdmission(summary.SpanCount - summary.InvalidSpanCount, judged.RejectedSpans, judged.Message);
    }

    /// <summary>Stores what another node, or the part of this one that receives, has admitted.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IngestOutcome> IngestReplicaAsync(TenantId tenant, NativeBuffer request, bool isCounted)
    {
        if (_tenants.Find(tenant) is not { } account) return RefuseTenant(tenant, request);
        var limits = options.Overrides.Of(tenant);
        var runs = _limits.RentRuns(limits);
        Interlocked.Increment(ref _replicas);
        try
        {
            Interlocked.MemoryBarrier();
            if (IsClosedToReplicas) return new IngestOutcome(IngestStatus.Unavailable, 0, 0, "the node is leaving the ring") { RetryAfter = RetrySoon };
            if (!TryValidate(account, request, runs, isReceived: false, out var summary, out var refusal)) return refusal;
            var push = new Push(account, limits, summary, runs, null) { IsCounted = isCounted };
            if (ReasonToRefuse(isLetIn: true) is { Length: > 0 } reason) return Refuse(push with { Runs = null }, reason);
            var refused = _limits.Admit(account, limits, runs);
            return refused is null
                ? await StoreAsync(push, request).ConfigureAwait(false)
                : await StorePartAsync(push with { Refused = refused }, request).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _replicas);
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
