using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Hashing;
using Tempo.Ring.Peers;
using Tempo.Ring.Routing;

namespace Tempo.Ring.Replication;

/// <summary>
/// The way of a request in a ring:
/// <code>
/// 1 admit     here: sound, within the tenant's rate; the ids of its traces are noted
/// 2 divide    by owners: spans with the same owners are one part; often there is one
/// 3 send      each part to each of its owners, this node or a peer, which logs and syncs it and makes it findable
/// 4 stand in  an owner that does not answer, or refuses, is replaced by the next member of the ring
/// 5 answer    when a quorum of each part's owners has it; what is slower goes on without the sender
/// </code>
/// A sender that is told to try again may have left copies: they are the same spans, and count once. Thread safe.
/// </summary>
public sealed class Replicator(TempoNode node, Func<RoutingTable> routing, ReplicationMetrics metrics, TimeSpan deadline, TimeProvider time)
{
    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);
    private readonly ReplicationMetrics _metrics = metrics;

    // A third of a collector's batch of 8,192 spans is 1.7 MB.
    private readonly NativeBufferPool _buffers = new(maxBuffers: 64, maxRetainedBytes: 8 << 20, maxTotalBytes: 32 << 20);
    private readonly ConcurrentQueue<RequestDivision> _divisions = new();

    /// <summary>Stores a request at its owners. The buffer is the caller's again when this completes.</summary>
    public async Task<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request)
    {
        if (!_divisions.TryDequeue(out var division)) division = new RequestDivision();
        var admission = await node.AdmitAsync(tenant, request, division.Runs).ConfigureAwait(false);
        if (admission.Answer is { } answer)
        {
            Keep(division);
            return answer;
        }

        var table = routing();
        if (table.Ring.IsEmpty) return NoQuorum(admission.ValidSpans, "no member of the ring is active");
        var parts = division.Divide(table.RouteOf(tenant), request, admission.RejectedSpans > 0, _buffers);
        Keep(division);
        return await SendAsync(table, tenant, parts, admission).ConfigureAwait(false);
    }

    private void Keep(RequestDivision division)
    {
        if (division.TryClear() && _divisions.Count < 64) _divisions.Enqueue(division);
    }

    private async Task<IngestOutcome> SendAsync(RoutingTable table, TenantId tenant, RequestPart[] parts, IngestAdmission admission)
    {
        using var timeout = new CancellationTokenSource(deadline, time);
        var sendings = new PartSending[parts.Length];
        for (var i = 0; i < parts.Length; i++) sendings[i] = new PartSending(this, table, tenant, parts[i]);
        // What this node stores itself it may log and decode on this very thread: others have begun by then.
        foreach (var sending in sendings) sending.Begin(isHere: false);
        foreach (var sending in sendings) sending.Begin(isHere: true);
        var outcomes = sendings.Length == 1
            ? [await sendings[0].EndAsync(timeout.Token).ConfigureAwait(false)]
            : await Task.WhenAll(sendings.Select(sending => sending.EndAsync(timeout.Token))).ConfigureAwait(false);
        return Combine(parts, outcomes, admission);
    }

    // Each part counts for itself; together they are one answer.
    private static IngestOutcome Combine(RequestPart[] parts, IngestOutcome[] outcomes, IngestAdmission admission)
    {
        var (accepted, rejected, message) = (0, admission.RejectedSpans, admission.Message);
        IngestOutcome? again = null;
        IngestOutcome? never = null;
        for (var i = 0; i < outcomes.Length; i++)
        {
            var outcome = outcomes[i];
            if (outcome.Status is IngestStatus.Overloaded or IngestStatus.Unavailable or IngestStatus.RateLimited) again = outcome;
            else if (IsFinal(outcome)) never = outcome;
            accepted += outcome.Status == IngestStatus.Accepted ? outcome.AcceptedSpans : 0;
            rejected += outcome.Status switch
            {
                IngestStatus.Accepted => outcome.RejectedSpans,
                IngestStatus.Invalid or IngestStatus.TooLarge => parts[i].SpanCount,
                _ => 0,
            };
            if (outcome.Message.Length > 0 && !message.Contains(outcome.Message, StringComparison.Ordinal))
                message += (message.Length > 0 ? "; " : "") + outcome.Message;
        }

        // The sender sends it all again, and what is stored already counts once.
        if (again is { } retry) return retry with { AcceptedSpans = 0, RejectedSpans = admission.ValidSpans + admission.RejectedSpans };
        return accepted == 0 && never is { } refused
            ? refused with { RejectedSpans = rejected }
            : new IngestOutcome(IngestStatus.Accepted, accepted, rejected, message);
    }

    // What every owner would answer alike.
    private static bool IsFinal(in IngestOutcome outcome) => outcome.Status is IngestStatus.Invalid or IngestStatus.TooLarge;

    private static IngestOutcome NoQuorum(int spans, string message) =>
        new(IngestStatus.Unavailable, 0, spans, message) { RetryAfter = RetrySoon };

    /// <summary>One part on its way to its owners.</summary>
    private sealed class PartSending(Replicator replicator, RoutingTable table, TenantId tenant, RequestPart part)
    {
        private readonly List<Task<IngestOutcome>> _open = [];
        private readonly List<IngestOutcome> _accepted = [];
        private readonly List<IngestOutcome> _refused = [];
        private readonly IMember[] _members = [.. InOrder(table, part.Owners)];
        private int _next = part.Owners.Copies;

        /// <summary>Gives it to the owners that are this node, or to those that are not.</summary>
        public void Begin(bool isHere)
        {
            // The metrics from spans are made by the first of the owners that is there: the same one for all spans of a trace.
            for (var i = 0; i < part.Owners.Copies && i < _members.Length; i++)
                if (_members[i] is LocalMember == isHere)
                    Start(_members[i], isCounted: i == 0);
        }

        /// <summary>Waits until enough have it, or cannot.</summary>
        public async Task<IngestOutcome> EndAsync(CancellationToken timeout)
        {
            try
            {
                while (_open.Count > 0)
                {
                    var done = await Task.WhenAny(_open).WaitAsync(timeout).ConfigureAwait(false);
                    _open.Remove(done);
                    Take(await done.ConfigureAwait(false));
                    if (_accepted.Count >= part.Owners.Quorum) return Acknowledge();
                    if (_refused.Count >= part.Owners.Quorum && _refused.TrueForAll(static refusal => IsFinal(refusal))) return _refused[0];
                }
            }
            catch (OperationCanceledException)
            {
                // The deadline; what is on its way may still arrive.
            }
            finally
            {
                part.Request.Release();
            }

            replicator._metrics.NoQuorum.Add();
            var why = _refused.Count > 0 ? _refused[^1] : NoQuorum(0, $"{_open.Count} owners have not answered");
            return (IsFinal(why) ? NoQuorum(0, "") : why) with
            {
                RejectedSpans = part.SpanCount,
                Message = $"{_accepted.Count} of {part.Owners.Copies} owners have stored {part.SpanCount} spans, {part.Owners.Quorum} are needed: {why.Message}",
            };
        }

        private void Take(IngestOutcome outcome)
        {
            if (outcome.Status == IngestStatus.Accepted)
            {
                _accepted.Add(outcome);
                return;
            }

            _refused.Add(outcome);
            if (IsFinal(outcome) || _next >= _members.Length) return;
            replicator._metrics.StoodIn.Add();
            Start(_members[_next++], isCounted: false);
        }

        private void Start(IMember member, bool isCounted)
        {
            part.Request.Hold();
            _open.Add(member.IngestAsync(tenant, part.Request, isCounted));
        }

        // Owners whose limits refused different spans: what fewer than a quorum has was not accepted.
        private IngestOutcome Acknowledge()
        {
            var worst = _accepted[0];
            foreach (var outcome in _accepted)
                if (outcome.RejectedSpans > worst.RejectedSpans)
                    worst = outcome;
            return worst;
        }

        // Those that answer first, in the order of the ring.
        private static IEnumerable<IMember> InOrder(RoutingTable table, OwnerSet set)
        {
            var members = set.Owners.Select(owner => table.MemberOf(owner.Id)).ToArray();
            return members.Where(static member => !member.IsSuspect).Concat(members.Where(static member => member.IsSuspect));
        }
    }
}

/// <summary>Counters of replication.</summary>
public sealed class ReplicationMetrics(MetricRegistry registry)
{
    public Counter NoQuorum { get; } = registry.Counter("tempo_ring_no_quorum_total",
        "Parts of requests that too few owners have stored in time; the sender was told to try again.").With();

    public Counter StoodIn { get; } =
        registry.Counter("tempo_ring_stand_ins_total", "Times that another member was given what an owner did not take.").With();
}
