using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Writes each tenant's index again and again, for those who read the store beside this node: what is in the view of that store, and what
/// was taken out of it and not deleted yet. A tenant that has neither any more has no index either. A tenant whose blocks are the same as
/// last time is left alone.
/// </summary>
internal sealed class TenantIndexLoop(
    NodeOptions options, IObjectStore objects, BlockStore store, NodeState state, MetricRegistry registry, Log log, TimeProvider time)
{
    private readonly CounterFamily _errors =
        registry.Counter("tempodb_blocklist_tenant_index_errors_total", "Tenant indexes that could not be written.", "tenant");
    private readonly TenantIndexObjects _indexes = new(objects);
    private readonly CompactedBlocks _compacted = new(objects, new SteadyClock(time));
    private readonly Dictionary<TenantId, string> _written = [];

    // Tenants that have an index or are to have one; null: not looked yet.
    private HashSet<TenantId>? _indexed;

    /// <summary>Indexes are to be written here.</summary>
    public bool IsOn => options.TenantIndexInterval > TimeSpan.Zero && options.TenantIndexBuilders != 0;

    /// <summary>Why an index was not written the last time; empty if all were.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Runs until cancelled, if <see cref="IsOn"/>.</summary>
    public Task RunAsync(CancellationToken cancellation) => !IsOn
        ? Task.CompletedTask
        : NodeLoop.EveryAsync(options.TenantIndexInterval, RunOnceAsync, e =>
        {
            LastError = e.Message;
            log.Error("tenant indexes not written, will be tried again", ("err", e));
        }, time, cancellation);

    /// <summary>Writes the indexes that are not up to date. A failure costs its tenant until the next time.</summary>
    public async Task RunOnceAsync(CancellationToken cancellation)
    {
        // As long as it is not known which blocks there are, the indexes of an earlier run know better.
        if (state.View.UnknownBlocks.Length > 0) return;
        var error = "";
        var tenants = state.View.Blocks.Where(block => block.Store == store && options.Owner.OwnsTenant(block.Meta.Tenant))
            .ToLookup(static block => block.Meta.Tenant, static block => block.Meta);
        // A tenant that has lost its last block has an index that still tells of it, of this run or of an earlier one.
        _indexed ??= [.. await _indexes.ListAsync(cancellation).ConfigureAwait(false)];
        _indexed.UnionWith(tenants.Select(static tenant => tenant.Key));
        foreach (var tenant in _indexed.Where(options.Owner.OwnsTenant).ToList())
        {
            try
            {
                await WriteAsync(tenant, [.. tenants[tenant].OrderBy(static meta => meta.BlockId)], cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ObjectStoreException)
            {
                error = e.Message;
                _errors.With(tenant.Value).Add();
                log.Warn("tenant index not written, will be tried again", ("tenant", tenant.Value), ("err", e.Message));
            }
        }

        LastError = error;
    }

    private async Task WriteAsync(TenantId tenant, List<BlockMeta> blocks, CancellationToken cancellation)
    {
        var compacted = await _compacted.ListAsync(tenant, cancellation).ConfigureAwait(false);
        if (blocks.Count == 0 && compacted.Count == 0)
        {
            await _indexes.DeleteAsync(tenant, cancellation).ConfigureAwait(false);
            _written.Remove(tenant);
            _indexed!.Remove(tenant);
            return;
        }

        var content = $"{string.Join(' ', blocks.Select(static meta => meta.BlockId))} compacted: {string.Join(' ', compacted.Select(static block => block.Meta.BlockId))}";
        if (_written.GetValueOrDefault(tenant) == content) return;
        await _indexes.WriteAsync(tenant, new TenantIndex(time.GetUtcNow(), blocks, compacted), cancellation).ConfigureAwait(false);
        _written[tenant] = content;
    }
}
