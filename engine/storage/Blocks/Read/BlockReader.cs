using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Versions;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>An open block: its meta, its bloom filter and the footer of its data. Thread safe; row group readers are not.</summary>
public sealed class BlockReader : IDisposable
{
    private readonly ParquetFileReader _file;
    private readonly BlockVersion _version;
    private readonly BlockColumnMap _columns;
    private readonly IDisposable? _source;
    private readonly byte[][] _bloomShards;
    private readonly TraceId[] _lastIds;

    /// <summary>
    /// Opens the block, which owns the source from then on. Throws <see cref="ParquetFormatException"/> if the data is damaged or
    /// its schema is not the one that the meta names.
    /// </summary>
    public BlockReader(BlockMeta meta, IParquetSource source, byte[][] bloomShards, TraceId[] lastIds)
    {
        Meta = meta;
        _source = source as IDisposable;
        _bloomShards = bloomShards;
        _lastIds = lastIds;
        try
        {
            _file = ParquetFileReader.Open(source, meta.FooterSizeBytes);
            _version = BlockVersion.Get(meta.Format);
            _columns = _version.Map(_file.Schema, meta.DedicatedColumns);
        }
        catch
        {
            _source?.Dispose();
            throw;
        }
    }

    public BlockMeta Meta { get; }

    public int RowGroupCount => _file.RowGroups.Count;

    /// <summary>Bytes of a row group, compressed.</summary>
    public long RowGroupBytes(int rowGroup) => _file.RowGroups[rowGroup].Columns.Sum(static column => column.CompressedSizeBytes);

    public RowGroupReader OpenRowGroup(int rowGroup) => new(_file, rowGroup, _columns, _version, Meta.DedicatedColumns);

    /// <summary>False if the block certainly does not hold the trace.</summary>
    public bool MayContain(TraceId id) => TraceBloom.MayContain(_bloomShards, id);

    /// <summary>The ids of all traces, ascending. Throws <see cref="BlockReadException"/>.</summary>
    public TraceId[] ReadTraceIds(CancellationToken cancellation)
    {
        var ids = new List<TraceId>();
        for (var group = 0; group < RowGroupCount; group++)
        {
            cancellation.ThrowIfCancellationRequested();
            OpenRowGroup(group).ReadTraceIds(ids);
        }

        return [.. ids];
    }

    /// <summary>
    /// Row group and row of the trace, or a row of -1. The index object leads to the one row group that may hold it; without
    /// a sound index all are tried.
    /// </summary>
    public (int RowGroup, long Row) Find(TraceId id, Func<BlockReader, int, RowGroupReader> open)
    {
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

    public void Dispose() => _source?.Dispose();
}
