using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Writes a Parquet file front to back:
/// <code>
/// "PAR1"  chunk* (row groups, leaves in schema order)  column index*  offset index*  footer  length of the footer u32  "PAR1"
/// </code>
/// <see cref="BeginRowGroup"/>, then <see cref="WriteColumn"/> once for every leaf in schema order, again and again, then
/// <see cref="Finish"/>. The sink is not disposed. Not thread safe; chunks may be built elsewhere at the same time.
/// <para>
/// What is written about the chunks at the end lies in spill buffers until then, in the form that it is written in: in memory stay
/// 20 bytes a chunk, whatever the size of the file.
/// </para>
/// </summary>
public sealed partial class ParquetFileWriter : IDisposable
{
    /// <summary>What of one kind stays in memory: that of some five row groups of a hundred leaves.</summary>
    private const int MaxSpillMemoryBytes = 256 << 10;

    private const int FormatVersion = 1;
    private readonly Stream _sink;
    private readonly ParquetWriterOptions _options;
    private readonly ThriftCompactWriter _thrift = new();
    private readonly List<ChunkSizes> _chunks = [];
    private readonly List<RowGroupTotals> _rowGroups = [];
    private readonly SpillBuffer _heads;
    private readonly SpillBuffer _columnIndexes;
    private readonly SpillBuffer _offsetIndexes;
    private readonly IndexChecksums _indexChecksums = new();
    private long _position;
    private int _nextColumn;
    private long _handedOverBytes; // of the chunk that comes next
    private bool _isFinished;
    private byte[] _head = [];

    /// <param name="sink">Where the file goes.</param>
    /// <param name="schema">Its leaves.</param>
    /// <param name="options">Of the whole file.</param>
    /// <param name="spillPath">Begin of the paths of files for what is written at the end; null: that stays in memory.</param>
    public ParquetFileWriter(Stream sink, ParquetSchema schema, ParquetWriterOptions? options = null, string? spillPath = null)
    {
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentNullException.ThrowIfNull(schema);
        _sink = sink;
        Schema = schema;
        _options = options ?? new ParquetWriterOptions();
        if (_options.DataPageVersion is not (1 or 2))
            throw new ArgumentOutOfRangeException(nameof(options), _options.DataPageVersion, "Data page version 1 or 2.");
        _nextColumn = schema.Columns.Count;
        SpillBuffer Spill(string what) => new(spillPath is null ? null : $"{spillPath}.{what}.spill", MaxSpillMemoryBytes);
        (_heads, _columnIndexes, _offsetIndexes) = (Spill("chunks"), Spill("bounds"), Spill("pages"));
        Write(ParquetFileReader.Magic);
    }

    public ParquetSchema Schema { get; }

    /// <summary>Bytes written so far.</summary>
    public long SizeBytes => _position;

    /// <summary>A writer for one leaf's chunk; keep it and <see cref="ColumnChunkWriter.Reset"/> it for the next row group.</summary>
    public ColumnChunkWriter CreateColumn(ParquetColumn column, ColumnOptions? options = null) => new(column, _options, options);

    /// <summary>
    /// A writer for each leaf's chunk, in schema order. They share memory, so all are used by one thread; they serve any later
    /// file of the same schema object and options.
    /// </summary>
    public static ColumnChunkWriter[] CreateColumns(
        ParquetSchema schema, ParquetWriterOptions file, Func<ParquetColumn, ColumnOptions> options)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(options);
        var memory = new PageMemory();
        return [.. schema.Columns.Select(column => new ColumnChunkWriter(column, file, options(column), memory))];
    }

    /// <summary>Begins a row group of <paramref name="rowCount"/> rows. The one before must have all its columns.</summary>
    public void BeginRowGroup(long rowCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rowCount);
        CheckRowGroupIsComplete();
        _rowGroups.Add(new RowGroupTotals(rowCount, _position, 0, 0));
        _nextColumn = 0;
    }

    /// <summary>Writes the chunk of the next leaf in schema order.</summary>
    public void WriteColumn(ColumnChunkWriter chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (_nextColumn == Schema.Columns.Count) throw new InvalidOperationException("No row group is open, or it has all its columns.");
        var expected = Schema.Columns[_nextColumn];
        if (chunk.Column != expected)
            throw new InvalidOperationException($"Column '{chunk.Column.Path}' where '{expected.Path}' comes next.");
        var group = _rowGroups[^1];
        if (chunk.RowCount != group.RowCount)
            throw new InvalidOperationException($"Column '{expected.Path}' has {chunk.RowCount} rows, the row group {group.RowCount}.");
        var start = _position - _handedOverBytes;
        var written = chunk.WriteTo(_sink, _position);
        _position = start + chunk.SizeBytes;
        _handedOverBytes = 0;
        Note(written);
    }

    /// <summary>
    /// Writes the pages that the next leaf's chunk has so far, so that a chunk may be larger than memory; <see cref="WriteColumn"/>
    /// writes the rest of it. Not for a chunk with a dictionary, which would come before its pages.
    /// </summary>
    public void WritePages(ColumnChunkWriter chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (_nextColumn == Schema.Columns.Count || chunk.Column != Schema.Columns[_nextColumn])
            throw new InvalidOperationException($"Pages of column '{chunk.Column.Path}', which does not come next.");
        var bytes = chunk.HandOver(_sink);
        _position += bytes;
        _handedOverBytes += bytes;
    }

    private void Note(WrittenChunk written)
    {
        var group = _rowGroups[^1];
        _rowGroups[^1] = group with
        {
            UncompressedBytes = group.UncompressedBytes + written.MetaData.UncompressedSizeBytes,
            CompressedBytes = group.CompressedBytes + written.MetaData.CompressedSizeBytes,
        };
        _chunks.Add(Describe(written));
        _nextColumn++;
    }

    /// <summary>Writes page indexes and footer. The sizes are those that a block's meta.json records.</summary>
    public (long FileSizeBytes, int FooterSizeBytes) Finish()
    {
        CheckRowGroupIsComplete();
        _isFinished = true;
        var columnIndexAt = _position;
        _columnIndexes.ForEach(piece => Write(piece.Span));
        var offsetIndexAt = _position;
        _offsetIndexes.ForEach(piece => Write(piece.Span));
        var footerSizeBytes = WriteFooter(columnIndexAt, offsetIndexAt);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, footerSizeBytes);
        Write(length);
        Write(ParquetFileReader.Magic);
        Dispose();
        return (_position, footerSizeBytes);
    }

    /// <summary>Lets go of what has not become a file, the files of its own among it. The sink stays the caller's.</summary>
    public void Dispose()
    {
        _heads.Dispose();
        _columnIndexes.Dispose();
        _offsetIndexes.Dispose();
    }

    // What the end of the file says of the chunk goes to the spill buffers.
    private ChunkSizes Describe(WrittenChunk chunk)
    {
        _thrift.Clear();
        chunk.MetaData.WriteHead(_thrift, chunk.Column, chunk.Encodings);
        _heads.Write(_thrift.Written);
        var headBytes = _thrift.Written.Length;
        var columnIndexBytes = 0;
        if (chunk.Index is { } index)
        {
            index.Write(_thrift);
            _indexChecksums.SetColumnIndex(_chunks.Count, _thrift.Written);
            _columnIndexes.Write(_thrift.Written);
            columnIndexBytes = _thrift.Written.Length;
        }

        OffsetIndex.Write(_thrift, chunk.Pages);
        _indexChecksums.SetOffsetIndex(_chunks.Count, _thrift.Written);
        _offsetIndexes.Write(_thrift.Written);
        return new ChunkSizes(headBytes, columnIndexBytes, _thrift.Written.Length);
    }

    /// <summary>FileMetaData of parquet.thrift, a row group at a time; the result is its size.</summary>
    private int WriteFooter(long columnIndexAt, long offsetIndexAt)
    {
        var start = _position;
        _thrift.Clear();
        _thrift.WriteI32(1, FormatVersion);
        _thrift.BeginList(2, ThriftType.Struct, CountNodes(Schema.Root));
        WriteSchema(Schema.Root, isRoot: true);
        _thrift.WriteI64(3, _rowGroups.Sum(static group => group.RowCount));
        _thrift.BeginList(4, ThriftType.Struct, _rowGroups.Count);
        long headAt = 0;
        for (var group = 0; group < _rowGroups.Count; group++)
        {
            WriteRowGroup(group, ref headAt, ref columnIndexAt, ref offsetIndexAt);
            Write(_thrift.Written);
            _thrift.DropWritten();
        }

        WriteKeyValues(_options.PageChecksums
            ? [.. _options.KeyValueMetadata, new(IndexChecksums.Key, _indexChecksums.ToString())]
            : _options.KeyValueMetadata);
        _thrift.WriteText(6, _options.CreatedBy);
        // ColumnOrder TYPE_ORDER for each leaf: without it readers must ignore the bounds.
        _thrift.BeginList(7, ThriftType.Struct, Schema.Columns.Count);
        for (var i = 0; i < Schema.Columns.Count; i++)
        {
            _thrift.BeginStructElement();
            _thrift.WriteEmptyStruct(1);
            _thrift.EndStruct();
        }

        _thrift.EndStruct();
        Write(_thrift.Written);
        return checked((int)(_position - start));
    }

    private void WriteRowGroup(int group, ref long headAt, ref long columnIndexAt, ref long offsetIndexAt)
    {
        var count = Schema.Columns.Count;
        _thrift.BeginStructElement();
        _thrift.BeginList(1, ThriftType.Struct, count);
        for (var i = group * count; i < (group + 1) * count; i++)
        {
            var sizes = _chunks[i];
            if (_head.Length < sizes.HeadBytes) _head = new byte[sizes.HeadBytes * 2];
            var head = _head.AsSpan(0, sizes.HeadBytes);
            _heads.Read(headAt, head);
            _thrift.BeginStructElement();
            _thrift.AppendFields(head, ColumnChunkMetaData.LastHeadField);
            ColumnChunkMetaData.WriteIndexPlaces(_thrift, offsetIndexAt, sizes.OffsetIndexBytes, columnIndexAt, sizes.ColumnIndexBytes);
            _thrift.EndStruct();
            headAt += sizes.HeadBytes;
            columnIndexAt += sizes.ColumnIndexBytes;
            offsetIndexAt += sizes.OffsetIndexBytes;
        }

        var totals = _rowGroups[group];
        _thrift.WriteI64(2, totals.UncompressedBytes);
        _thrift.WriteI64(3, totals.RowCount);
        _thrift.WriteI64(5, totals.StartOffset);
        _thrift.WriteI64(6, totals.CompressedBytes);
        _thrift.EndStruct();
    }

    private void WriteKeyValues(IReadOnlyList<KeyValuePair<string, string>> entries)
    {
        if (entries.Count == 0) return;
        _thrift.BeginList(5, ThriftType.Struct, entries.Count);
        foreach (var (key, value) in entries)
        {
            _thrift.BeginStructElement();
            _thrift.WriteText(1, key);
            _thrift.WriteText(2, value);
            _thrift.EndStruct();
        }
    }

    private void WriteSchema(SchemaNode node, bool isRoot)
    {
        SchemaElement.Write(_thrift, node, isRoot);
        foreach (var child in node.Children) WriteSchema(child, isRoot: false);
    }

    private static int CountNodes(SchemaNode node) => 1 + node.Children.Sum(CountNodes);

    private void CheckRowGroupIsComplete()
    {
        if (_isFinished) throw new InvalidOperationException("The file is finished.");
        if (_nextColumn < Schema.Columns.Count)
            throw new InvalidOperationException($"The row group is not complete: column '{Schema.Columns[_nextColumn].Path}' comes next.");
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _sink.Write(bytes);
        _position += bytes.Length;
    }

    /// <summary>Bytes that the end of the file has of a chunk.</summary>
    private readonly record struct ChunkSizes(int HeadBytes, int ColumnIndexBytes, int OffsetIndexBytes);

    private readonly record struct RowGroupTotals(long RowCount, long StartOffset, long UncompressedBytes, long CompressedBytes);
}
