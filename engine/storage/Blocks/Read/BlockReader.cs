using System.Collections.Concurrent;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>An open block: its meta, its bloom filter and the footer of its data. Thread safe; row group readers are not.</summary>
public sealed class BlockReader : IDisposable
{
    /// <summary>Measured with blocks of ours of 1 and 10 row groups: 47 KB, and 1.6 times the bytes of the footer.</summary>
    private const int ReaderBytes = 48 << 10;

    private const int ObjectBytesPerFooterByte = 2;

    private readonly ParquetFileReader _file;
    private readonly BlockVersion _version;
    private readonly BlockColumnMap _columns;
    private readonly IDisposable? _source;
    private readonly DictionaryCache? _dictionaries;
    private readonly byte[][] _bloomShards;
    private readonly TraceId[] _lastIds;
    private readonly IReadOnlyList<(long Start, int Count)>?[] _scanRanges;
    private readonly ConcurrentDictionary<(int RowGroup, int Column), PageBounds> _pageBounds = [];
    private long _pageBoundsBytes;

    /// <summary>
    /// Opens the block, which owns the source from then on. Throws <see cref="ParquetFormatException"/> if the data is damaged or
    /// its schema is not the one that the meta names.
    /// </summary>
    /// <param name="meta">The block.</param>
    /// <param name="source">Its data.</param>
    /// <param name="bloomShards">Its bloom-N objects; none if they are not to be used.</param>
    /// <param name="lastIds">Its index; empty if there is none.</param>
    /// <param name="sidecar">Its sidecar, which stays the caller's.</param>
    /// <param name="dictionaries">Keeps dictionaries from query to query; null: they are not kept.</param>
    public BlockReader(
        BlockMeta meta, IParquetSource source, byte[][] bloomShards, TraceId[] lastIds, BlockSidecar? sidecar = null,
        DictionaryCache? dictionaries = null)
    {
        Meta = meta;
        Sidecar = sidecar ?? BlockSidecar.None;
        _source = source as IDisposable;
        _dictionaries = dictionaries;
        _bloomShards = bloomShards;
        _lastIds = lastIds;
        try
        {
            _file = ParquetFileReader.Open(source, meta.FooterSizeBytes, dictionaries);
            _version = BlockVersion.Get(meta.Format);
            _columns = _version.Map(_file.Schema, meta.DedicatedColumns);
            _scanRanges = new IReadOnlyList<(long Start, int Count)>?[_file.RowGroups.Count];
            if (meta.Checksums is { } checksums && checksums.Footer != _file.FooterChecksum)
                throw new ParquetFormatException("the footer's checksum does not match");
        }
        catch
        {
            _source?.Dispose();
            throw;
        }
    }

    public BlockMeta Meta { get; }

    /// <summary>What is known of the rows without reading them.</summary>
    public BlockSidecar Sidecar { get; }

    /// <summary>The tree's numbers are those that this engine gives: it wrote the block.</summary>
    public bool HasOwnTrees => Meta.Checksums is not null;

    /// <summary>It also counts the children of each span; not every version has them.</summary>
    public bool HasChildCounts => HasOwnTrees && _columns.Has("rs.ss.Spans.ChildCount");

    public int RowGroupCount => _file.RowGroups.Count;

    internal ParquetFileReader File => _file;

    /// <summary>What the index object says: the last id of each row group; empty if there is no sound one.</summary>
    internal IReadOnlyList<TraceId> IndexedIds => _lastIds;

    /// <summary>Keys that have a column of their own, and where it is; in the order in which these stand in a batch.</summary>
    internal DedicatedLeaf[] DedicatedLeaves => field ??= FindDedicatedLeaves();

    private DedicatedLeaf[] FindDedicatedLeaves() =>
    [
        .. from scope in (AttributeScope[])[AttributeScope.Span, AttributeScope.Resource, AttributeScope.Event]
           from leaf in _version.AttributeLeaves(Meta.DedicatedColumns, scope)
           where leaf.Key is not null
           select new DedicatedLeaf(scope, Encoding.UTF8.GetBytes(leaf.Key!), leaf.Type, RowGroupReader.PrefixOf(scope) + leaf.Field),
    ];

    /// <summary>
    /// The first and the last id, both included, that a trace of a row group may have, as the index object says: a row group begins behind
    /// the last id of the one before. All ids if there is no sound index.
    /// </summary>
    public (TraceId First, TraceId Last) IdsOf(int rowGroup) =>
        _lastIds.Length == RowGroupCount
            ? (rowGroup == 0 ? default : _lastIds[rowGroup - 1].Next, _lastIds[rowGroup])
            : (default, TraceId.MaxValue);

    /// <summary>Traces of a row group.</summary>
    public long RowCountOf(int rowGroup) => _file.RowGroups[rowGroup].RowCount;

    /// <summary>Bytes of a row group, compressed.</summary>
    public long RowGroupBytes(int rowGroup) => _file.RowGroups[rowGroup].Columns.Sum(static column => column.CompressedSizeBytes);

    public RowGroupReader OpenRowGroup(int rowGroup) => OpenRowGroup(rowGroup, new ReadMemory());

    /// <summary>The same with memory that it shares with other readers, which are then used by the same thread.</summary>
    public RowGroupReader OpenRowGroup(int rowGroup, ReadMemory memory, ReadAhead? ahead = null) =>
        new(_file, rowGroup, _columns, _version, Meta.DedicatedColumns, memory, this,
            error => Health?.Report(Meta.BlockId, BlockDamage.Page, error), _file.IsFar ? ahead : null)
        { Sidecar = Sidecar };

    /// <summary>Keeps columns from query to query; null: nothing is kept.</summary>
    public ColumnCache? Cache { get; init; }

    /// <summary>What it is known by in the cache: the reader itself, or what outlives it, whose affair it is then to remove it.</summary>
    internal object CacheKey => Owner ?? (object)this;

    /// <summary>Who opens the block again and again; null for a reader that somebody has for himself.</summary>
    internal BlockHandle? Owner { get; init; }

    /// <summary>
    /// Memory of the reader, roughly: its footer as objects, its filters, its index, and the bounds of pages that somebody asked for.
    /// </summary>
    public long MemoryBytes =>
        Interlocked.Read(ref _pageBoundsBytes) + ReaderBytes + (long)Meta.FooterSizeBytes * ObjectBytesPerFooterByte
            + _bloomShards.Sum(static shard => (long)shard.Length) + (long)_lastIds.Length * TraceId.SizeBytes;

    /// <summary>The file is closed, and opened for each further read.</summary>
    internal void CloseFile()
    {
        _dictionaries?.Remove(_file);
        _source?.Dispose();
    }

    /// <summary>The ranges in which a row group is scanned, if somebody found them out before.</summary>
    internal IReadOnlyList<(long Start, int Count)>? ScanRangesOf(int rowGroup) => Volatile.Read(ref _scanRanges[rowGroup]);

    internal void KeepScanRanges(int rowGroup, IReadOnlyList<(long Start, int Count)> ranges) =>
        Volatile.Write(ref _scanRanges[rowGroup], ranges);

    /// <summary>
    /// The bounds of a chunk's pages, read by the first who asks: a few bytes a page. Throws <see cref="ParquetFormatException"/>.
    /// </summary>
    internal PageBounds PageBoundsOf(int rowGroup, ColumnReader column)
    {
        var key = (rowGroup, column.Column.Index);
        if (_pageBounds.TryGetValue(key, out var known)) return known;
        var bounds = PageBounds.Read(column);
        if (!_pageBounds.TryAdd(key, bounds)) return bounds;
        Interlocked.Add(ref _pageBoundsBytes, bounds.MemoryBytes);
        if (Owner is { } owner) owner.Store.Open.Grew(owner, this);
        return bounds;
    }

    /// <summary>Hears of pages that cannot be read.</summary>
    public BlockHealth? Health { get; init; }

    /// <summary>False if the block certainly does not hold the trace.</summary>
    public bool MayContain(TraceId id) =>
        Sidecar.MayContainTrace(SidecarHash.OfTrace(id)) && (Sidecar.HasIdFilter || TraceBloom.MayContain(_bloomShards, id));

    /// <summary>The ids of all traces, ascending. Throws <see cref="BlockReadException"/>.</summary>
    public TraceId[] ReadTraceIds(CancellationToken cancellation) => ReadTraceIds(Enumerable.Range(0, RowGroupCount), cancellation);

    /// <summary>The same of some row groups, which ascend.</summary>
    public TraceId[] ReadTraceIds(IEnumerable<int> rowGroups, CancellationToken cancellation)
    {
        var ids = new List<TraceId>();
        foreach (var group in rowGroups)
        {
            cancellation.ThrowIfCancellationRequested();
            OpenRowGroup(group).ReadTraceIds(ids);
        }

        return [.. ids];
    }

    /// <summary>
    /// Row group and row of the trace, or a row of -1. The sidecar names the row. Without one the index object leads to the one
    /// row group that may hold the trace; without a sound index all are tried.
    /// </summary>
    public (int RowGroup, long Row) Find(TraceId id, Func<BlockReader, int, RowGroupReader> open)
    {
        Span<long> rows = stackalloc long[BlockSidecar.MaxFoundRows];
        if (Sidecar.TryFindRows(id, rows, out var count)) return FindAmong(rows[..count], id, open);
        var isIndexed = _lastIds.Length == RowGroupCount;
        for (var group = 0; group < RowGroupCount; group++)
        {
            if (isIndexed && _lastIds[group].CompareTo(id) < 0) continue;
            var row = open(this, group).FindRow(id);
            if (row >= 0) return (group, row);
            if (isIndexed) break;
        }

        return (-1, -1);
    }

    private (int RowGroup, long Row) FindAmong(ReadOnlySpan<long> rows, TraceId id, Func<BlockReader, int, RowGroupReader> open)
    {
        foreach (var row in rows)
        {
            var (group, first) = (0, 0L);
            while (group < RowGroupCount && row - first >= _file.RowGroups[group].RowCount) first += _file.RowGroups[group++].RowCount;
            if (group < RowGroupCount && open(this, group).HasTrace(row - first, id)) return (group, row - first);
        }

        return (-1, -1);
    }

    public void Dispose()
    {
        if (Owner is null) Cache?.Remove(this);
        CloseFile();
    }
}

/// <summary>A key that has a column of its own in a block.</summary>
/// <param name="Scope">Span, Resource or Event.</param>
/// <param name="Key">The key, UTF-8.</param>
/// <param name="Type">String or Int.</param>
/// <param name="Path">The logical path of its leaf.</param>
internal sealed record DedicatedLeaf(AttributeScope Scope, byte[] Key, AttributeType Type, string Path);
