using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Cache;

/// <summary>
/// What is kept of one page. Arrays are exactly as long as they must be, and never changed once they are here: any number of
/// batches may lend them at once. Thread safe.
/// </summary>
internal sealed class CachedPage(ColumnCache cache, object block, (int RowGroup, long RowStart, int RowCount) place)
{
    /// <summary>Bytes of an entry beside its arrays.</summary>
    private const int EntryBytes = 160;

    private readonly ConcurrentDictionary<AttributeName, AttributeOccurrences> _attributes = new();
    private PageOutline? _outline;
    private ulong[]? _starts;
    private ulong[]? _durations;
    private byte[]? _kinds;
    private byte[]? _parentSigns;
    private ulong[]? _spanIds;
    private ulong[]? _parentSpanIds;
    private StringColumn? _names;
    private ServiceNameColumns? _serviceNames;
    private RootColumns? _roots;
    private TreeColumns? _tree;

    /// <summary>What the block is known by in the cache.</summary>
    public object Block => block;

    public (int RowGroup, long RowStart, int RowCount) Place => place;

    // The three are the cache's, under its lock.
    public long SizeBytes { get; set; }
    public long LastUse { get; set; }
    public bool IsDropped { get; set; }

    public PageOutline? Outline => Volatile.Read(ref _outline);

    public bool TryGetAttribute(AttributeScope scope, byte[] key, out AttributeOccurrences found) =>
        _attributes.TryGetValue(new AttributeName(scope, key), out found!);

    /// <summary>Keeps the attributes of a key, if there is room. They must not change any more.</summary>
    /// <param name="scope">Whose.</param>
    /// <param name="key">The key.</param>
    /// <param name="found">The attributes; none is a fact, too.</param>
    /// <param name="ownTableBytes">Bytes of their table of texts.</param>
    public void Keep(AttributeScope scope, byte[] key, AttributeOccurrences found, long ownTableBytes)
    {
        var bytes = EntryBytes + key.Length + (long)found.Count * (sizeof(int) + sizeof(long) + sizeof(AttributeType))
            + (long)found.Values.ItemCount * sizeof(long) + ownTableBytes;
        if (cache.TryCharge(this, bytes)) _attributes[new AttributeName(scope, key)] = found;
    }

    public void KeepOutline(SpanBatch batch)
    {
        var outline = new PageOutline(batch);
        if (cache.TryCharge(this, outline.SizeBytes)) Volatile.Write(ref _outline, outline);
    }

    /// <summary>Lends the batch those of the columns that are here; the result is which.</summary>
    public BatchColumns LendTo(SpanBatch batch, BatchColumns columns)
    {
        var lent = BatchColumns.Structure;
        if (columns.HasFlag(BatchColumns.Starts) && Lend(ref _starts, ref batch.StartUnixNano)) lent |= BatchColumns.Starts;
        if (columns.HasFlag(BatchColumns.Durations) && Lend(ref _durations, ref batch.DurationNano)) lent |= BatchColumns.Durations;
        if (columns.HasFlag(BatchColumns.Kind) && Lend(ref _kinds, ref batch.Kind)) lent |= BatchColumns.Kind;
        if (columns.HasFlag(BatchColumns.ParentSigns) && Lend(ref _parentSigns, ref batch.ParentSign)) lent |= BatchColumns.ParentSigns;
        if (columns.HasFlag(BatchColumns.Name) && Lend(ref _names, ref batch.Name)) lent |= BatchColumns.Name;
        if (columns.HasFlag(BatchColumns.OwnSpanIds) && Lend(ref _spanIds, ref batch.SpanId)) lent |= BatchColumns.OwnSpanIds;
        // Those of the parents; the spans' own are asked for with them.
        if (columns.HasFlag(BatchColumns.SpanIds) && Lend(ref _parentSpanIds, ref batch.ParentSpanId)) lent |= BatchColumns.SpanIds;
        if (columns.HasFlag(BatchColumns.ResourceServiceNames) && Volatile.Read(ref _serviceNames) is { } services)
        {
            (batch.Resources.ServiceName, batch.Resources.HasServiceName) = (services.Names, services.HasName);
            lent |= BatchColumns.ResourceServiceNames;
        }

        if (columns.HasFlag(BatchColumns.TreeNumbers) && Volatile.Read(ref _tree) is { } tree)
        {
            (batch.TreeLeft, batch.TreeRight, batch.TreeParent) = (tree.Left, tree.Right, tree.Parent);
            lent |= BatchColumns.TreeNumbers;
        }

        if (columns.HasFlag(BatchColumns.Roots) && Volatile.Read(ref _roots) is { } roots)
        {
            (batch.RootName, batch.RootServiceName) = (roots.Names, roots.Services);
            lent |= BatchColumns.Roots;
        }

        return lent;
    }

    /// <summary>Keeps copies of those of the columns that are kept at all, and not here yet.</summary>
    public void Keep(SpanBatch batch, BatchColumns columns)
    {
        var spans = batch.SpanCount;
        if (columns.HasFlag(BatchColumns.Starts)) KeepCopy(ref _starts, batch.StartUnixNano, spans);
        if (columns.HasFlag(BatchColumns.Durations)) KeepCopy(ref _durations, batch.DurationNano, spans);
        if (columns.HasFlag(BatchColumns.Kind)) KeepCopy(ref _kinds, batch.Kind, spans);
        if (columns.HasFlag(BatchColumns.ParentSigns)) KeepCopy(ref _parentSigns, batch.ParentSign, spans);
        if (columns.HasFlag(BatchColumns.Name) && batch.Name.IsOfDictionary && TryCharge(spans * sizeof(int) + BytesOf(batch.Name.Table)))
            Volatile.Write(ref _names, batch.Name.Copy(spans));
        if (columns.HasFlag(BatchColumns.OwnSpanIds)) KeepCopy(ref _spanIds, batch.SpanId, spans);
        if (columns.HasFlag(BatchColumns.SpanIds)) KeepCopy(ref _parentSpanIds, batch.ParentSpanId, spans);
        if (columns.HasFlag(BatchColumns.TreeNumbers) && TryCharge(spans * 3L * sizeof(int)))
            Volatile.Write(ref _tree, new TreeColumns(batch.TreeLeft.AsSpan(0, spans).ToArray(), batch.TreeRight.AsSpan(0, spans).ToArray(),
                batch.TreeParent.AsSpan(0, spans).ToArray()));
        if (columns.HasFlag(BatchColumns.Roots) && batch.RootName.IsOfDictionary && batch.RootServiceName.IsOfDictionary
            && TryCharge(batch.TraceCount * 2 * sizeof(int) + BytesOf(batch.RootName.Table) + BytesOf(batch.RootServiceName.Table)))
            Volatile.Write(
                ref _roots, new RootColumns(batch.RootName.Copy(batch.TraceCount), batch.RootServiceName.Copy(batch.TraceCount)));
        var resources = batch.Resources.Count;
        if (columns.HasFlag(BatchColumns.ResourceServiceNames) && batch.Resources.ServiceName.IsOfDictionary
            && TryCharge(resources * (sizeof(int) + 1) + BytesOf(batch.Resources.ServiceName.Table)))
            Volatile.Write(ref _serviceNames, new ServiceNameColumns(
                batch.Resources.ServiceName.Copy(resources), batch.Resources.HasServiceName.AsSpan(0, resources).ToArray()));
    }

    private static bool Lend<T>(ref T? kept, ref T column)
        where T : class
    {
        if (Volatile.Read(ref kept) is not { } known) return false;
        column = known;
        return true;
    }

    private void KeepCopy<T>(ref T[]? kept, T[] column, int count)
        where T : unmanaged
    {
        if (TryCharge((long)count * Unsafe.SizeOf<T>())) Volatile.Write(ref kept, column.AsSpan(0, count).ToArray());
    }

    // A dictionary counts with each page that holds it, though a row group's pages may share one: too much rather than too little.
    private static long BytesOf(StringTable table) => table.Bytes.Length + (long)table.Offsets.Length * sizeof(int);

    private bool TryCharge(long bytes) => cache.TryCharge(this, bytes + EntryBytes);

    private sealed record TreeColumns(int[] Left, int[] Right, int[] Parent);

    private sealed record RootColumns(StringColumn Names, StringColumn Services);

    private sealed record ServiceNameColumns(StringColumn Names, byte[] HasName);
}

/// <summary>Which spans a page has, and whose they are: what the levels of its columns say.</summary>
internal sealed class PageOutline(SpanBatch batch)
{
    private readonly int _spanCount = batch.SpanCount;
    private readonly int _resourceCount = batch.Resources.Count;
    private readonly int _scopeCount = batch.Scopes.Count;
    private readonly TraceId[] _traceIds = batch.TraceIds.AsSpan(0, batch.TraceCount).ToArray();
    private readonly ulong[] _traceStart = batch.TraceStart.AsSpan(0, batch.TraceCount).ToArray();
    private readonly ulong[] _traceEnd = batch.TraceEnd.AsSpan(0, batch.TraceCount).ToArray();
    private readonly int[] _trace = batch.Trace.AsSpan(0, batch.SpanCount).ToArray();
    private readonly int[] _resource = batch.Resource.AsSpan(0, batch.SpanCount).ToArray();
    private readonly int[] _scope = batch.Scope.AsSpan(0, batch.SpanCount).ToArray();
    private readonly byte[] _status = batch.Status.AsSpan(0, batch.SpanCount).ToArray();

    public long SizeBytes => _traceIds.Length * 2L * TraceId.SizeBytes + _spanCount * (3L * sizeof(int) + 1) + 10 * 32;

    public void LendTo(SpanBatch batch)
    {
        (batch.SpanCount, batch.TraceCount, batch.Resources.Count, batch.Scopes.Count) =
            (_spanCount, _traceIds.Length, _resourceCount, _scopeCount);
        (batch.TraceIds, batch.TraceStart, batch.TraceEnd) = (_traceIds, _traceStart, _traceEnd);
        (batch.Trace, batch.Resource, batch.Scope, batch.Status) = (_trace, _resource, _scope, _status);
    }
}

/// <summary>A key, by its bytes.</summary>
internal readonly struct AttributeName(AttributeScope scope, byte[] key) : IEquatable<AttributeName>
{
    private readonly AttributeScope _scope = scope;
    private readonly byte[] _key = key;

    public bool Equals(AttributeName other) => _scope == other._scope && _key.AsSpan().SequenceEqual(other._key);

    public override bool Equals(object? obj) => obj is AttributeName other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add((int)_scope);
        hash.AddBytes(_key);
        return hash.ToHashCode();
    }
}
