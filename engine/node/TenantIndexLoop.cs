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

    /// <summary>Indexes are to be written here.</summary>
    public bool IsOn => options.TenantIndexInterval > TimeSpan.Zero && options.TenantIndexBuilders != 0;

    /// <summary>Why an index was not written the last time; empty if all were.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Runs until cancelled, if <see cref="IsOn"/>.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (IsOn)
        {
            try
            {
                await Task.Delay(options.TenantIndexInterval, time, cancellation).ConfigureAwait(false);
                await RunOnceAsync(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // A bug, be it; the loop goes on, and is heard.
                LastError = e.Message;
                log.Error("tenant indexes not written, will be tried again", ("err", e));
            }
        }
    }

    /// <summary>Writes the indexes that are not up to date. A failure costs its tenant until the next time.</summary>
    public async Task RunOnceAsync(CancellationToken cancellation)
    {
        var error = "";
        foreach (var tenant in state.View.Blocks.Where(block => block.Store == store && options.Owner.OwnsTenant(block.Meta.Tenant)).GroupBy(static block => block.Meta.Tenant))
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
                error = e.Message;
                _errors.With(tenant.Key.Value).Add();
                log.Warn("tenant index not written, will be tried again", ("tenant", tenant.Key.Value), ("err", e.Message));
            }
        }

        LastError = error;
    }
}
