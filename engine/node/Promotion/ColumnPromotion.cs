using System.Collections.Concurrent;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Catalog;

namespace Tempo.Engine.Node.Promotion;

/// <summary>
/// Which attributes get columns of their own in the blocks that are written next, for each tenant:
/// <code>
/// the operator's list     if there is one, for all tenants; nothing is chosen
/// else, switched off      none
/// else                    chosen from the catalogs of the tenant's latest blocks and from what its queries ask;
///                         first as soon as there is a block, then at most once an hour, and only if much is won
/// </code>
/// Nothing is stored: after a restart the newest block of a tenant says which list was in use. Thread safe.
/// </summary>
internal sealed class ColumnPromotion(NodeOptions options, DedicatedColumns operatorList, NodeState state, Log messages, TimeProvider time)
{
    private static readonly TimeSpan ReviewInterval = TimeSpan.FromHours(1);

    /// <summary>Blocks whose catalogs are looked at, the newest: some minutes of traffic, or hours of compacted blocks.</summary>
    private const int ReviewedBlocks = 8;

    private readonly ConcurrentDictionary<TenantId, TenantColumns> _tenants = new();

    /// <summary>Columns are chosen here, and not by the operator or not at all.</summary>
    public bool IsAutomatic => options.AutoPromote && operatorList.Specs.Count == 0;

    /// <summary>The columns for a block of the tenant that is about to be written.</summary>
    public DedicatedColumns ColumnsFor(TenantId tenant)
    {
        if (!IsAutomatic) return operatorList;
        var columns = Of(tenant);
        lock (columns.Lock)
        {
            if (columns.IsDue(time)) Review(tenant, columns);
            return columns.List;
        }
    }

    /// <summary>A query of the tenants named these attributes.</summary>
    public void Ask(TenantSet tenants, string query)
    {
        if (!IsAutomatic) return;
        foreach (var tenant in tenants.Tenants)
            if (_tenants.TryGetValue(tenant, out var columns))
                columns.Asked.Add(query);
    }

    /// <summary>Tenants of which something is known.</summary>
    internal int TenantCount => _tenants.Count;

    /// <summary>
    /// Forgets tenants that have no block. One that has its first block only soon begins with what that one says, as after a restart.
    /// </summary>
    public void Trim()
    {
        var tenants = state.View.Readable.Select(static block => block.Meta.Tenant).ToHashSet();
        foreach (var (tenant, _) in _tenants)
            if (!tenants.Contains(tenant)) _tenants.TryRemove(tenant, out _);
    }

    /// <summary>What is in use, for people: tenant, scope, name, type, and why.</summary>
    public IReadOnlyList<PromotedColumn> Describe()
    {
        if (operatorList.Specs.Count > 0)
            return [.. operatorList.Specs.Select(static spec => PromotedColumn.Of("(all)", spec, "the operator's list"))];
        return
        [
            .. _tenants.OrderBy(static tenant => tenant.Key.Value, StringComparer.Ordinal)
                .SelectMany(static tenant =>
                    tenant.Value.Describe().Select(column => PromotedColumn.Of(tenant.Key.Value, column.Spec, column.Reason))),
        ];
    }

    private TenantColumns Of(TenantId tenant) => _tenants.GetOrAdd(tenant, static (tenant, state) =>
    {
        // The list that was in use before this process: blocks of ours have a sidecar, a foreign one says nothing of us.
        using var lease = state.Acquire();
        var newest = BlocksOf(tenant, lease.View).FirstOrDefault(static block => block.Sidecar.IsPresent);
        return new TenantColumns(newest?.Meta.DedicatedColumns ?? DedicatedColumns.None);
    }, state);

    // Newest first; of those of one second the one with columns, which was written after they were chosen.
    private static IEnumerable<BlockHandle> BlocksOf(TenantId tenant, NodeView view) =>
        view.Blocks.Where(block => block.Meta.Tenant == tenant)
            .OrderByDescending(static block => block.Meta.EndSeconds)
            .ThenByDescending(static block => block.Meta.DedicatedColumns.Specs.Count);

    private void Review(TenantId tenant, TenantColumns columns)
    {
        var (uses, spans) = ReadUses(tenant, columns);
        if (spans < ColumnPlanner.MinSpans) return;
        columns.Reviewed(time.GetTimestamp());
        var chosen = ColumnPlanner.Choose(uses, spans);
        if (!ColumnPlanner.IsWorthChanging(columns.List, chosen, uses)
            || !DedicatedColumns.TryCreate(chosen.Select(static column => column.Spec), out var list, out _))
            return;
        columns.Change(list, chosen);
        messages.Info("dedicated columns chosen", ("tenant", tenant.Value),
            ("columns", string.Join(", ", chosen.Select(static column => $"{column.Spec.Name} ({column.Reason})"))));
    }

    // What has a column counts as asked for: that queries named it may be known to a process before this one alone, and a list that changes
    // with the first query after each restart makes blocks that are not compacted together.
    private (List<AttributeUse> Uses, long Spans) ReadUses(TenantId tenant, TenantColumns columns)
    {
        var found = new Dictionary<string, (CatalogTypes Types, long Owners, long Bytes)>(StringComparer.Ordinal);
        var spans = 0L;
        using var lease = state.Acquire();
        foreach (var block in BlocksOf(tenant, lease.View).Take(ReviewedBlocks))
        {
            if (block.Sidecar.ReadCatalog() is not { } bytes) continue;
            var catalog = new CatalogReader(bytes.Span);
            while (catalog.MoveNext())
            {
                if (catalog.Scope == CatalogScope.Intrinsic && catalog.Key.SequenceEqual(CatalogIntrinsics.Name))
                    spans += catalog.OwnerCount;
                if (catalog.Scope != CatalogScope.Span) continue;
                var name = Encoding.UTF8.GetString(catalog.Key);
                var known = found.GetValueOrDefault(name);
                found[name] =
                    (known.Types | catalog.Types, known.Owners + catalog.OwnerCount, known.Bytes + AttributeUse.TextBytesOf(ref catalog));
            }
        }

        var present = columns.List.Specs.Select(static spec => spec.Name).ToHashSet(StringComparer.Ordinal);
        return ([.. found.Select(
            use => new AttributeUse(use.Key, use.Value.Types, use.Value.Owners,
                Math.Max(columns.Asked.CountOf(use.Key), present.Contains(use.Key) ? 1 : 0), use.Value.Bytes))], spans);
    }

    /// <summary>A tenant's list; its lock is held while it is used.</summary>
    private sealed class TenantColumns(DedicatedColumns list)
    {
        private IReadOnlyList<ChosenColumn> _chosen =
            [.. list.Specs.Select(static spec => new ChosenColumn(spec, "in use before this start"))];
        private long? _reviewed;

        public Lock Lock { get; } = new();
        public AskedAttributes Asked { get; } = new();
        public DedicatedColumns List { get; private set; } = list;

        public bool IsDue(TimeProvider time) => _reviewed is not { } last || time.GetElapsedTime(last) >= ReviewInterval;

        public void Reviewed(long timestamp) => _reviewed = timestamp;

        public void Change(DedicatedColumns columns, IReadOnlyList<ChosenColumn> chosen) => (List, _chosen) = (columns, chosen);

        public IReadOnlyList<ChosenColumn> Describe()
        {
            lock (Lock) return _chosen;
        }
    }
}
