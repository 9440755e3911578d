using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// Makes a generation of an earlier run readable again: every record of its log goes the way its request went. A tenant
/// whose block is there already, or was and is compacted by now, is left out, so that nothing is answered twice.
/// </summary>
internal sealed class Recovery(
    NodeOptions options, WriteAheadLog log, IReadOnlyList<BlockStore> stores, NodeState state, Log messages, TimeProvider time)
{
    public async Task<Generation> ReplayAsync(WalGeneration logged, CancellationToken cancellation)
    {
        var generation = state.NewGeneration(logged);
        var pending = new Dictionary<TenantId, bool>();
        long records = 0, spans = 0;
        foreach (var tenant in logged.Tenants())
        {
            var id = BlockIds.Of(log.Identity, logged.Number, tenant);
            pending.Add(tenant, !await WasWrittenAsync(tenant, id, cancellation).ConfigureAwait(false));
        }

        Failpoints.Hit(Failpoint.RecoveryLookedUp);
        var report = logged.Replay((tenant, request) =>
        {
            records++;
            if (pending.GetValueOrDefault(tenant, true)) spans += Append(generation, tenant, request);
            Failpoints.Hit(Failpoint.RecoveryRecord);
        });
        await generation.SealAsync(time.GetUtcNow()).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.RecoveryReplayed);
        messages.Info(
            "log replayed", ("generation", logged.Number), ("records", records), ("spans", spans), ("corrupt_bytes", report.CorruptBytes));
        return generation;
    }

    // A service that does not answer keeps no node from starting: the block is written again then, and is the same one.
    private async Task<bool> WasWrittenAsync(TenantId tenant, BlockId id, CancellationToken cancellation)
    {
        foreach (var store in stores)
        {
            try
            {
                if (await store.WasWrittenAsync(tenant, id, damage => messages.Warn("unreadable block meta", ("err", damage)), cancellation)
                    .ConfigureAwait(false))
                    return true;
            }
            catch (ObjectStoreException e) when (store != stores[0])
            {
                messages.Warn("the object service could not be asked for a block", ("block", id.ToString()), ("err", e.Message));
            }
        }

        return false;
    }

    // The log's checksum held, so this is what was acknowledged; judged again all the same, for a log of another version.
    private int Append(Generation generation, TenantId tenant, ReadOnlySpan<byte> request)
    {
        var summary = default(OtlpRequestSummary);
        return OtlpTraceReader.TryRead(request, ref summary, out _)
            ? generation.Live.Append(tenant, request, options.MaxAttributeBytesOf(options.Overrides.Of(tenant))).SpanCount
            : 0;
    }
}
