using System.Buffers;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Reads the chunk of one leaf in one row group. Pages are found by the offset index, or by walking from header to header where the
/// file has none. The page list and the dictionary are read once, when first needed. Not thread safe; readers of the same
/// file may run at the same time. Throws <see cref="ParquetFormatException"/> for damage, and lets the source's I/O errors through.
/// </summary>
public sealed partial class ColumnReader
{
    private readonly ParquetFileReader _file;
    private readonly int _rowGroup;
    private readonly DictionaryCache? _cache;
    private PageSpan[]? _pages;
    private ColumnDictionary? _dictionary;
    private bool _isDictionaryRead;
    private long _pageOffset; // of the page being read, for messages

    internal ColumnReader(ParquetFileReader file, IParquetSource source, int rowGroup, ParquetColumn column, DictionaryCache? cache)
    {
        _file = file;
        Source = source;
        _cache = cache;
        _rowGroup = rowGroup;
        Column = column;
        RowCount = file.RowGroups[rowGroup].RowCount;
        Chunk = file.RowGroups[rowGroup].Columns[column.Index];
        if (!PageCompression.IsSupported(Chunk.Codec)) Fail($"codec {(int)Chunk.Codec} is not supported");
    }

    public ParquetColumn Column { get; }

    internal IParquetSource Source { get; }

    public ColumnChunkMetaData Chunk { get; }

    /// <summary>Rows of the row group.</summary>
    public long RowCount { get; }

    /// <summary>Number of data pages.</summary>
    public int PageCount => Pages.Length;

    /// <summary>
    /// The chunk's dictionary, or null if it has none. Only if <see cref="ColumnChunkMetaData.IsDictionaryOnly"/> does it hold every
    /// value of the chunk.
    /// </summary>
    public ColumnDictionary? Dictionary
    {
        get
        {
            if (_isDictionaryRead) return _dictionary;
            var isWanted = false;
            _dictionary = _cache?.Find(_file, ChunkIndex, out isWanted) ?? ReadDictionary();
            if (isWanted && _dictionary is not null) _cache!.Keep(_file, ChunkIndex, _dictionary);
            _isDictionaryRead = true;
            return _dictionary;
        }
    }

    /// <summary>Rows that were read so far, one that was read twice counted twice.</summary>
    internal long RowsRead { get; private set; }

    /// <summary>The same if somebody needed the whole of it; reading a few rows does not.</summary>
    public ColumnDictionary? LoadedDictionary => _dictionary;

    private int ChunkIndex => _rowGroup * _file.Schema.Columns.Count + Column.Index;

    private ReadOnlySpan<PageSpan> Pages => _pages ??= FindPages();

    private int PhysicalWidthBytes => Column.Type switch
    {
        PhysicalType.Int32 or PhysicalType.Float => 4,
        PhysicalType.Int64 or PhysicalType.Double => 8,
        PhysicalType.Int96 => 12,
        PhysicalType.FixedLenByteArray => Column.Node.TypeLengthBytes,
        _ => 0,
    };

    /// <summary>
    /// First row of data page <paramref name="page"/> and its number of rows: a page pruned by its bounds is skipped by not reading
    /// these rows.
    /// </summary>
    public (long FirstRow, int RowCount) GetPageRows(int page) => (Pages[page].FirstRow, Pages[page].RowCount);

    /// <summary>The bounds of each data page, or null if the file has none for this chunk.</summary>
    public ColumnIndex? ReadColumnIndex()
    {
        if (Chunk.ColumnIndexSizeBytes == 0) return null;
        var bytes = new byte[Chunk.ColumnIndexSizeBytes];
        Source.Read(Chunk.ColumnIndexOffset, bytes);
        if (_file.IndexChecksums?.IsColumnIndex(ChunkIndex, bytes) == false)
            ParquetFormatException.Throw($"{Subject("column index")}: the checksum does not match.");
        var index = ColumnIndex.Read(bytes, Subject("column index"));
        if (index.PageCount != PageCount) Fail($"a column index of {index.PageCount} pages for {PageCount} pages");
        return index;
    }

    /// <summary>
    /// Reads <paramref name="rowCount"/> rows from <paramref name="rowStart"/> of the row group. Only pages that hold some of them are
    /// fetched and decoded. What <paramref name="target"/> held before is gone.
    /// </summary>
    public void Read(long rowStart, int rowCount, ColumnData target)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentOutOfRangeException.ThrowIfNegative(rowStart);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rowCount, RowCount - rowStart);
        target.Clear();
        if (rowCount == 0) return;
        ReadPages(rowStart, rowStart + rowCount, target);
        RowsRead += rowCount;
        if (target.RowCount != rowCount) Fail($"{target.RowCount} rows where {rowCount} belong");
        if (rowCount == RowCount && target.LevelCount != Chunk.ValueCount)
            Fail($"{target.LevelCount} values where the footer says {Chunk.ValueCount}");
    }

    private void ReadPages(long rowStart, long rowEnd, ColumnData target)
    {
        var pages = Pages;
        var first = 0;
        while (first < pages.Length && !pages[first].EndsAfter(rowStart)) first++;
        var last = first;
        while (last < pages.Length && pages[last].BeginsBefore(rowEnd)) last++;
        if (first == last) return;
        _isReadingFew = last - first == 1 && BeginFew(rowEnd - rowStart);
        if (!_isReadingFew && Dictionary is { } dictionary) target.UseDictionary(dictionary.Strings);
        using var window = new SourceWindow(Source, pages[last - 1].Offset + pages[last - 1].SizeBytes);
        for (var i = first; i < last; i++) ReadPage(window, pages[i], rowStart, rowEnd, target);
    }

    private void ReadPage(SourceWindow window, in PageSpan page, long rowStart, long rowEnd, ColumnData target)
    {
        _pageOffset = page.Offset;
        var bytes = window.Fetch(page.Offset, page.SizeBytes);
        var header = ReadHeader(bytes, out var headerSizeBytes);
        if (header.Type is not (PageType.Data or PageType.DataV2)) Fail($"a {header.Type} page where a data page belongs");
        var buffer = Decompress(header, bytes[headerSizeBytes..]);
        try
        {
            DecodePage(header, buffer.AsSpan(0, header.UncompressedSizeBytes), page, rowStart, rowEnd, target);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Says in the message which page it is; its text is made only if there is something to say.</summary>
    private PageHeader ReadHeader(ReadOnlySpan<byte> bytes, out int headerSizeBytes)
    {
        try
        {
            return PageHeader.Read(bytes, "page header", out headerSizeBytes);
        }
        catch (ParquetFormatException e)
        {
            headerSizeBytes = 0;
            return Fail<PageHeader>(e.Message.TrimEnd('.'));
        }
    }

    /// <summary>Checks sizes and checksum and returns a rented array that begins with the page's uncompressed bytes.</summary>
    private byte[] Decompress(in PageHeader header, ReadOnlySpan<byte> body)
    {
        body = CheckBody(header, body);
        var buffer = ArrayPool<byte>.Shared.Rent(header.UncompressedSizeBytes);
        try
        {
            Decompress(header, body, buffer.AsSpan(0, header.UncompressedSizeBytes));
            return buffer;
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <summary>The compressed body, whose checksum is right and whose claimed size is possible.</summary>
    private ReadOnlySpan<byte> CheckBody(scoped in PageHeader header, ReadOnlySpan<byte> body)
    {
        if (header.CompressedSizeBytes > body.Length) Fail($"a body of {header.CompressedSizeBytes} bytes where {body.Length} are left");
        body = body[..header.CompressedSizeBytes];
        if (header.Checksum is { } checksum && Crc32.Compute(body) != checksum) Fail("the checksum does not match");
        var plainLength = PlainLength(header);
        var length = header.UncompressedSizeBytes - plainLength;
        var limit = PageCompression.MaxUncompressedLength(CodecOf(header), body.Length - plainLength);
        if (length > limit)
            Fail($"{length} bytes claimed of {body.Length - plainLength} compressed by {CodecOf(header)}, which gives at most {limit}");
        return body;
    }

    private void Decompress(in PageHeader header, ReadOnlySpan<byte> body, Span<byte> target)
    {
        var plainLength = PlainLength(header);
        body[..plainLength].CopyTo(target);
        if (!TryDecompress(CodecOf(header), body[plainLength..], target[plainLength..]))
            Fail($"the {CodecOf(header)} data is damaged, or not of {target.Length - plainLength} bytes");
    }

    // Levels of version 2 lie before what is compressed.
    private static int PlainLength(in PageHeader header) =>
        header.Type == PageType.DataV2 ? header.RepetitionSizeBytes + header.DefinitionSizeBytes : 0;

    private CompressionCodec CodecOf(in PageHeader header) => header.IsUncompressed ? CompressionCodec.Uncompressed : Chunk.Codec;

    /// <summary>A version 2 page of nothing but levels may have no compressed data at all.</summary>
    private static bool TryDecompress(CompressionCodec codec, ReadOnlySpan<byte> source, Span<byte> destination) =>
        (source.IsEmpty && destination.IsEmpty) || PageCompression.TryDecompress(codec, source, destination);

    private string Subject(string what) => $"Column '{Column.Path}', row group {_rowGroup}, {what}";

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void Fail(string what) => ParquetFormatException.Throw($"{Subject($"page at {_pageOffset}")}: {what}.");

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private T Fail<T>(string what) => ParquetFormatException.Throw<T>($"{Subject($"page at {_pageOffset}")}: {what}.");
}
