using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>Tells <see cref="KnownSpans"/> which spans of a tenant this node has itself. Thread safe.</summary>
internal sealed class OwnSpans(TenantId tenant, NodeState state, KnownSpans known)
{
    private readonly Lock _lock = new();
    private readonly SpanFingerprints _hashes = new(known.KeyOf(tenant));
    private readonly Dictionary<long, int> _told = []; // rows, by serial of the batch
    private ulong[] _scratch = [];

    /// <summary>What is live now.</summary>
    public void Tell()
    {
        using var lease = state.Acquire();
        var live = new List<LiveBatchView>();
        foreach (var generation in lease.View.Generations) generation.Live.CollectBatches(tenant, live);
        lock (_lock)
        {
            foreach (var gone in _told.Keys.Except(live.Select(static view => view.Batch.Serial)).ToList()) _told.Remove(gone);
            Tell(live);
        }
    }

    /// <summary>What is about to become blocks.</summary>
    public void Tell(Generation leaving)
    {
        var live = new List<LiveBatchView>();
        leaving.Live.CollectBatches(tenant, live);
        lock (_lock) Tell(live);
    }

    private void Tell(List<LiveBatchView> live)
    {
        foreach (var view in live)
        {
            var first = _told.GetValueOrDefault(view.Batch.Serial);
            if (first >= view.SpanCount) continue;
            GrowableArray.Reserve(ref _scratch, view.SpanCount - first);
            var fingerprints = _scratch.AsSpan(0, view.SpanCount - first);
            _hashes.Of(view.Columns, first, fingerprints);
            known.AddOwn(fingerprints);
            _told[view.Batch.Serial] = view.SpanCount;
        }
    }
}
