using System.Buffers;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Builds the chunk of one leaf in memory: pages are encoded, compressed on their own and kept until the chunk is given to
/// <see cref="ParquetFileWriter.WriteColumn"/>. It does not know its place in the file, so the chunks of a row group may be built
/// at the same time, page by page in any order, on any threads; one chunk by one thread. The dictionary may be given after the pages that
/// use it. After <see cref="Reset"/> it is used again for another row group, with its memory.
/// </summary>
public sealed partial class ColumnChunkWriter
{
    private readonly ParquetWriterOptions _file;
    private readonly ColumnOptions _options;
    private readonly ThriftCompactWriter _thrift = new();
    private readonly PageMemory _memory;
    private readonly ArrayBufferWriter<byte> _page;
    private readonly PieceWriter _pages;
    private readonly PieceWriter _dictionaryPage;
    private readonly List<PageLocation> _locations = [];
    private readonly List<PageEncodingCount> _encodings = [];
    private ChunkBounds _bounds;
    private int _dictionaryCount = -1;
    private int _maxIndex = -1;
    private long _valueCount;
    private long _uncompressedSizeBytes;
    private long _handedOverBytes;

    /// <summary>A chunk of <paramref name="column"/>; without <paramref name="options"/> of its own it takes the file's default.</summary>
    public ColumnChunkWriter(ParquetColumn column, ParquetWriterOptions file, ColumnOptions? options = null)
        : this(column, file, options, new PageMemory())
    {
    }

    /// <summary>The same with memory that it shares with other chunks, which are then built on the same thread.</summary>
    internal ColumnChunkWriter(ParquetColumn column, ParquetWriterOptions file, ColumnOptions? options, PageMemory memory)
    {
        ArgumentNullException.ThrowIfNull(column);
        ArgumentNullException.ThrowIfNull(file);
        Column = column;
        _file = file;
        _options = options ?? file.DefaultColumn;
        CompressionLevel = _options.CompressionLevel;
        if (!PageCompression.IsSupported(_options.Codec))
            throw new NotSupportedException($"Pages cannot be compressed by {_options.Codec}.");
        _bounds = new ChunkBounds(column);
        _memory = memory;
        _page = memory.Body;
        _pages = new PieceWriter(memory);
        _dictionaryPage = new PieceWriter(memory);
    }

    public ParquetColumn Column { get; }

    /// <summary>Of pages that are written from now on: that of the options at first.</summary>
    public int CompressionLevel { get; set; }

    private int DictionaryLevel => _options.DictionaryCompressionLevel ?? CompressionLevel;

    /// <summary>Rows of the pages so far.</summary>
    public long RowCount { get; private set; }

    /// <summary>Entries, values and nulls, of the pages so far.</summary>
    public long LevelCount => _valueCount;

    /// <summary>Compressed bytes so far, dictionary and headers included.</summary>
    public long SizeBytes => _handedOverBytes + _pages.WrittenCount + _dictionaryPage.WrittenCount;

    /// <summary>Forgets everything but the memory.</summary>
    public void Reset()
    {
        _pages.Clear();
        _dictionaryPage.Clear();
        _locations.Clear();
        _encodings.Clear();
        _bounds = new ChunkBounds(Column);
        _dictionaryCount = _maxIndex = -1;
        _valueCount = _uncompressedSizeBytes = _handedOverBytes = RowCount = 0;
        ClearNumberDictionary();
    }

    /// <summary>
    /// Writes the pages so far, and forgets all but where they are. The chunk has no dictionary. The result is their bytes.
    /// </summary>
    internal long HandOver(Stream sink)
    {
        if (_dictionaryCount >= 0)
            throw new InvalidOperationException($"Column '{Column.Path}' has a dictionary, which comes before its pages.");
        var bytes = _pages.WrittenCount;
        _pages.CopyTo(sink);
        _pages.Clear();
        _handedOverBytes += bytes;
        return bytes;
    }

    /// <summary>Writes the chunk, or the rest of it, at <paramref name="offset"/> of the file.</summary>
    internal WrittenChunk WriteTo(Stream sink, long offset)
    {
        offset -= _handedOverBytes;
        if (_maxIndex >= 0 && _maxIndex >= _dictionaryCount)
            throw new InvalidOperationException(
                $"Column '{Column.Path}' uses dictionary index {_maxIndex}; "
                    + (_dictionaryCount < 0 ? "it has no dictionary." : $"its dictionary has {_dictionaryCount} entries."));
        _dictionaryPage.CopyTo(sink);
        _pages.CopyTo(sink);
        var dataOffset = offset + _dictionaryPage.WrittenCount;
        var locations = new PageLocation[_locations.Count];
        for (var i = 0; i < locations.Length; i++) locations[i] = _locations[i] with { Offset = _locations[i].Offset + dataOffset };
        var metaData = new ColumnChunkMetaData
        {
            Type = Column.Type,
            Codec = _options.Codec,
            ValueCount = _valueCount,
            UncompressedSizeBytes = _uncompressedSizeBytes,
            CompressedSizeBytes = SizeBytes,
            DataPageOffset = dataOffset,
            DictionaryPageOffset = _dictionaryCount >= 0 ? offset : 0,
            Encodings = [.. _encodings.Select(static e => e.Encoding).Append(PageEncoding.Rle).Distinct()],
            Statistics = _bounds.BuildStatistics(),
        };
        return new WrittenChunk(Column, metaData, locations, _bounds.BuildIndex(), [.. _encodings]);
    }

    /// <summary>Checks the page against the leaf and begins its body with the levels, as version 1 has them.</summary>
    private void BeginPage(in PageLevels levels, int valueCount)
    {
        if (levels.RowCount < 0 || levels.LevelCount < levels.RowCount || levels.NullCount < 0 || levels.NullCount > levels.LevelCount)
            throw new ArgumentException(
                $"Column '{Column.Path}': {levels.RowCount} rows, {levels.LevelCount} levels, {levels.NullCount} nulls.", nameof(levels));
        if (valueCount != levels.ValueCount)
            throw new ArgumentException(
                $"Column '{Column.Path}': {valueCount} values where the levels say {levels.ValueCount}.", nameof(levels));
        CheckLevels(levels.Repetition, Column.MaxRepetitionLevel, levels.LevelCount, "repetition");
        CheckLevels(levels.Definition, Column.MaxDefinitionLevel, levels.LevelCount, "definition");
        if (Column.MaxRepetitionLevel == 0 && levels.LevelCount != levels.RowCount)
            throw new ArgumentException(
                $"Column '{Column.Path}' does not repeat, but has {levels.LevelCount} levels in {levels.RowCount} rows.", nameof(levels));
        _page.ResetWrittenCount();
        AppendLevels(levels.Repetition, Column.MaxRepetitionLevel);
        AppendLevels(levels.Definition, Column.MaxDefinitionLevel);
    }

    private void CheckLevels(ReadOnlySpan<byte> encoded, int maxLevel, int levelCount, string kind)
    {
        if (encoded.IsEmpty != (maxLevel == 0 || levelCount == 0))
            throw new ArgumentException(
                $"Column '{Column.Path}' has {kind} levels up to {maxLevel}, but {encoded.Length} bytes of them were given.");
    }

    private void AppendLevels(ReadOnlySpan<byte> encoded, int maxLevel)
    {
        if (maxLevel == 0) return;
        if (_file.DataPageVersion == 1)
        {
            MemoryMarshal.Write(_page.GetSpan(4), encoded.Length);
            _page.Advance(4);
        }

        _page.Write(encoded);
    }

    /// <summary>Compresses the finished body, puts its header before it and notes the page.</summary>
    private void EndPage(in PageLevels levels, PageEncoding encoding, byte[]? min, byte[]? max)
    {
        var isVersion2 = _file.DataPageVersion == 2;
        var header = new PageHeader
        {
            Type = isVersion2 ? PageType.DataV2 : PageType.Data,
            ValueCount = levels.LevelCount,
            Encoding = encoding,
            NullCount = levels.NullCount,
            RowCount = levels.RowCount,
            RepetitionSizeBytes = levels.Repetition.Length,
            DefinitionSizeBytes = levels.Definition.Length,
        };
        var offset = _handedOverBytes + _pages.WrittenCount;
        AppendCompressed(header, isVersion2 ? levels.Repetition.Length + levels.Definition.Length : 0, CompressionLevel, _pages);
        _locations.Add(new PageLocation(offset, (int)(_handedOverBytes + _pages.WrittenCount - offset), RowCount));
        _bounds.Add(min, max, levels.ValueCount, levels.NullCount);
        CountPage(header.Type, encoding);
        RowCount += levels.RowCount;
        _valueCount += levels.LevelCount;
    }

    /// <summary>The first <paramref name="plainLength"/> bytes of the body (levels of version 2) stay as they are.</summary>
    private void AppendCompressed(PageHeader header, int plainLength, int level, PieceWriter output)
    {
        var body = _page.WrittenSpan;
        if (body.Length > ParquetLimits.MaxPageBytes)
            throw new ArgumentException(
                $"Column '{Column.Path}': a page of {body.Length} bytes; the limit is {ParquetLimits.MaxPageBytes}.");
        var scratch = _memory.Scratch(plainLength + PageCompression.MaxCompressedLength(_options.Codec, body.Length - plainLength));
        body[..plainLength].CopyTo(scratch);
        var length = plainLength;
        // The codecs make something of nothing; the format wants nothing there.
        header.IsUncompressed = body.Length == plainLength && header.Type == PageType.DataV2;
        if (!header.IsUncompressed)
            length += PageCompression.Compress(_options.Codec, level, body[plainLength..], scratch[plainLength..]);
        header.UncompressedSizeBytes = body.Length;
        header.CompressedSizeBytes = length;
        var compressed = scratch[..length];
        if (_file.PageChecksums) header.Checksum = Crc32.Compute(compressed);
        header.Write(_thrift);
        output.Write(_thrift.Written);
        output.Write(compressed);
        _uncompressedSizeBytes += _thrift.Written.Length + body.Length;
    }

    private void CountPage(PageType type, PageEncoding encoding)
    {
        for (var i = 0; i < _encodings.Count; i++)
        {
            if (_encodings[i].Type != type || _encodings[i].Encoding != encoding) continue;
            _encodings[i] = _encodings[i] with { Count = _encodings[i].Count + 1 };
            return;
        }

        _encodings.Add(new PageEncodingCount(type, encoding, 1));
    }
}
