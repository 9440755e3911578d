using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Writes each tenant's index again and again, for those who read the store beside this node: what is in the view of that store, and what was
/// taken out of it and not deleted yet. A tenant whose blocks are the same as last time is left alone.
/// </summary>
internal sealed class TenantIndexLoop(NodeOptions options, IObjectStore objects, BlockStore store, NodeState state, MetricRegistry registry, Log log, TimeProvider time)
{
    private readonly CounterFamily _errors = registry.Counter("tempodb_blocklist_tenant_index_errors_total", "Tenant indexes that could not be written.", "tenant");
    private readonly TenantIndexObjects _indexes = new(objects);
    private readonly CompactedBlocks _compacted = new(objects, new SteadyClock(time));
    private readonly Dictionary<TenantId, string> _written = [];

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (options.TenantIndexInterval <= TimeSpan.Zero || options.TenantIndexBuilders == 0) return;
        try
        {
            while (true)
            {
                await Task.Delay(options.TenantIndexInterval, time, cancellation).ConfigureAwait(false);
                await RunOnceAsync(cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
    }

    /// <summary>Writes the indexes that are not up to date. A failure costs its tenant until the next time.</summary>
    public async Task RunOnceAsync(CancellationToken cancellation)
    {
        foreach (var tenant in state.View.Blocks.Where(block => block.Store == store).GroupBy(static block => block.Meta.Tenant))
        {
            try
            {
                var blocks = tenant.Select(static block => block.Meta).OrderBy(static meta => meta.BlockId).ToList();
                var compacted = await _compacted.ListAsync(tenant.Key, cancellation).ConfigureAwait(false);
                var content = string.Join(' ', blocks.Select(static meta => meta.BlockId).Concat(compacted.Select(static block => block.Meta.BlockId)));
                if (_written.GetValueOrDefault(tenant.Key) == content) continue;
                await _indexes.WriteAsync(tenant.Key, new TenantIndex(time.GetUtcNow(), blocks, compacted), cancellation).ConfigureAwait(false);
                _written[tenant.Key] = content;
            }
            catch (Exception e) when (e is IOException or ObjectStoreException)
            {
                _errors.With(tenant.Key.Value).Add();
                log.Warn("tenant index not written, will be tried again", ("tenant", tenant.Key.Value), ("err", e.Message));
            }
        }
    }
}
