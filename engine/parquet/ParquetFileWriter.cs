using System.Buffers.Binary;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Writes a Parquet file front to back:
/// <code>
/// "PAR1"  chunk* (row groups, leaves in schema order)  column index*  offset index*  footer  length of the footer u32  "PAR1"
/// </code>
/// <see cref="BeginRowGroup"/>, then <see cref="WriteColumn"/> once for every leaf in schema order, again and again, then
/// <see cref="Finish"/>. The sink is not disposed. Not thread safe; chunks may be built elsewhere at the same time.
/// </summary>
public sealed class ParquetFileWriter
{
    private const int FormatVersion = 1;
    private readonly Stream _sink;
    private readonly ParquetWriterOptions _options;
    private readonly ThriftCompactWriter _thrift = new();
    private readonly List<WrittenChunk> _chunks = [];
    private readonly List<long> _rowGroupRows = [];
    private readonly IndexChecksums _indexChecksums = new();
    private long _position;
    private int _nextColumn;
    private bool _isFinished;

    public ParquetFileWriter(Stream sink, ParquetSchema schema, ParquetWriterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentNullException.ThrowIfNull(schema);
        _sink = sink;
        Schema = schema;
        _options = options ?? new ParquetWriterOptions();
        if (_options.DataPageVersion is not (1 or 2))
            throw new ArgumentOutOfRangeException(nameof(options), _options.DataPageVersion, "Data page version 1 or 2.");
        _nextColumn = schema.Columns.Count;
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
    public static ColumnChunkWriter[] CreateColumns(ParquetSchema schema, ParquetWriterOptions file, Func<ParquetColumn, ColumnOptions> options)
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
        _rowGroupRows.Add(rowCount);
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
        if (chunk.RowCount != _rowGroupRows[^1])
            throw new InvalidOperationException($"Column '{expected.Path}' has {chunk.RowCount} rows, the row group {_rowGroupRows[^1]}.");
        _chunks.Add(chunk.WriteTo(_sink, _position));
        _position += chunk.SizeBytes;
        _nextColumn++;
    }

    /// <summary>Writes page indexes and footer. The sizes are those that a block's meta.json records.</summary>
    public (long FileSizeBytes, int FooterSizeBytes) Finish()
    {
        CheckRowGroupIsComplete();
        _isFinished = true;
        WritePageIndexes();
        var footer = BuildFooter();
        Write(footer);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, footer.Length);
        Write(length);
        Write(ParquetFileReader.Magic);
        return (_position, footer.Length);
    }

    private void WritePageIndexes()
    {
        for (var i = 0; i < _chunks.Count; i++)
        {
            var chunk = _chunks[i];
            if (chunk.Index is null) continue;
            chunk.Index.Write(_thrift);
            _indexChecksums.SetColumnIndex(i, _thrift.Written);
            chunk.MetaData.ColumnIndexOffset = _position;
            chunk.MetaData.ColumnIndexSizeBytes = _thrift.Written.Length;
            Write(_thrift.Written);
        }

        for (var i = 0; i < _chunks.Count; i++)
        {
            var chunk = _chunks[i];
            OffsetIndex.Write(_thrift, chunk.Pages);
            _indexChecksums.SetOffsetIndex(i, _thrift.Written);
            chunk.MetaData.OffsetIndexOffset = _position;
            chunk.MetaData.OffsetIndexSizeBytes = _thrift.Written.Length;
            Write(_thrift.Written);
        }
    }

    /// <summary>FileMetaData of parquet.thrift.</summary>
    private ReadOnlySpan<byte> BuildFooter()
    {
        _thrift.Clear();
        _thrift.WriteI32(1, FormatVersion);
        _thrift.BeginList(2, ThriftType.Struct, CountNodes(Schema.Root));
        WriteSchema(Schema.Root, isRoot: true);
        _thrift.WriteI64(3, _rowGroupRows.Sum());
        _thrift.BeginList(4, ThriftType.Struct, _rowGroupRows.Count);
        for (var group = 0; group < _rowGroupRows.Count; group++) WriteRowGroup(group);
        WriteKeyValues(_options.PageChecksums ? [.. _options.KeyValueMetadata, new(IndexChecksums.Key, _indexChecksums.ToString())] : _options.KeyValueMetadata);
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
        return _thrift.Written;
    }

    private void WriteRowGroup(int group)
    {
        var count = Schema.Columns.Count;
        var chunks = _chunks.Slice(group * count, count);
        _thrift.BeginStructElement();
        _thrift.BeginList(1, ThriftType.Struct, count);
        foreach (var chunk in chunks) chunk.MetaData.Write(_thrift, chunk.Column, chunk.Encodings);
        _thrift.WriteI64(2, chunks.Sum(static c => c.MetaData.UncompressedSizeBytes));
        _thrift.WriteI64(3, _rowGroupRows[group]);
        _thrift.WriteI64(5, chunks[0].MetaData.StartOffset);
        _thrift.WriteI64(6, chunks.Sum(static c => c.MetaData.CompressedSizeBytes));
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
}
