using System.Buffers;

namespace Tempo.Engine.Parquet;

// Where the pages are: from the offset index, or by walking; and the dictionary page before them.
public sealed partial class ColumnReader
{
    private long ChunkEnd => Chunk.StartOffset + Chunk.CompressedSizeBytes;

    /// <summary>What must be read to know where the pages are; nothing if that is known.</summary>
    internal (long Offset, long Count) IndexRange =>
        _pages is null && Chunk.OffsetIndexSizeBytes > 0 ? (Chunk.OffsetIndexOffset, Chunk.OffsetIndexSizeBytes) : default;

    /// <summary>Where the bounds of its pages are; nothing if there are none.</summary>
    internal (long Offset, long Count) BoundsRange =>
        Chunk.ColumnIndexSizeBytes > 0 ? (Chunk.ColumnIndexOffset, Chunk.ColumnIndexSizeBytes) : default;

    /// <summary>
    /// Adds what must be read for these rows: the dictionary, if it was not, and the pages. Throws as <see cref="Read"/>.
    /// </summary>
    internal void AddRanges(long rowStart, long rowEnd, List<(long Offset, long Count)> ranges)
    {
        long first = 0, end = 0;
        foreach (ref readonly var page in Pages)
        {
            if (!page.EndsAfter(rowStart) || !page.BeginsBefore(rowEnd)) continue;
            if (end == 0) first = page.Offset;
            end = page.Offset + page.SizeBytes;
        }

        if (end > 0) ranges.Add((first, end - first));
        if (!_isDictionaryRead && !Pages.IsEmpty && Pages[0].Offset > Chunk.StartOffset)
            ranges.Add((Chunk.StartOffset, Pages[0].Offset - Chunk.StartOffset));
    }

    private PageSpan[] FindPages() => Chunk.OffsetIndexSizeBytes > 0 ? PagesFromIndex() : PagesByWalking();

    private PageSpan[] PagesFromIndex()
    {
        var bytes = new byte[Chunk.OffsetIndexSizeBytes];
        Source.Read(Chunk.OffsetIndexOffset, bytes);
        if (_file.IndexChecksums?.IsOffsetIndex(ChunkIndex, bytes) == false)
            ParquetFormatException.Throw($"{Subject("offset index")}: the checksum does not match.");
        var locations = OffsetIndex.Read(bytes, Subject("offset index"));
        var pages = new PageSpan[locations.Length];
        var earliest = Chunk.StartOffset;
        for (var i = 0; i < pages.Length; i++)
        {
            var location = locations[i];
            var nextRow = i + 1 < locations.Length ? locations[i + 1].FirstRow : RowCount;
            _pageOffset = location.Offset;
            if (location.Offset < earliest || location.SizeBytes <= 0 || location.SizeBytes > ChunkEnd - location.Offset)
                Fail($"{location.SizeBytes} bytes by the offset index, outside the chunk, or before the page before it; the chunk ends at {ChunkEnd}");
            if (location.SizeBytes > ParquetLimits.MaxPageBytes)
                Fail($"{location.SizeBytes} bytes; the limit is {ParquetLimits.MaxPageBytes}");
            if (location.FirstRow < 0 || (i == 0 && location.FirstRow != 0) || nextRow < location.FirstRow || nextRow > RowCount
                || nextRow - location.FirstRow > ParquetLimits.MaxPageLevels)
                Fail($"rows {location.FirstRow} to {nextRow} by the offset index, of {RowCount}");
            pages[i] = new PageSpan(
                location.Offset, location.SizeBytes, location.FirstRow, (int)(nextRow - location.FirstRow), ContinuesRow: false);
            earliest = location.Offset + location.SizeBytes;
        }

        return pages;
    }

    /// <summary>Reads each header; for repeated leaves in version 1 pages also the levels, as only they tell the rows.</summary>
    private PageSpan[] PagesByWalking()
    {
        var pages = new List<PageSpan>();
        long row = 0;
        using var window = new SourceWindow(Source, ChunkEnd);
        for (var offset = Chunk.StartOffset; offset < ChunkEnd;)
        {
            var header = FindHeader(window, offset, ChunkEnd, out var headerSizeBytes);
            var sizeBytes = headerSizeBytes + header.CompressedSizeBytes;
            if (sizeBytes > ChunkEnd - offset) Fail($"{sizeBytes} bytes, but the chunk ends at {ChunkEnd}");
            if (header.Type is PageType.Data or PageType.DataV2)
            {
                var (rows, continues) = CountRows(window, offset, headerSizeBytes, header);
                if (continues && row == 0) Fail("the first page does not begin with a row");
                pages.Add(new PageSpan(offset, sizeBytes, row, rows, continues));
                row += rows;
                if (pages.Count > ParquetLimits.MaxPagesPerChunk) Fail($"more than {ParquetLimits.MaxPagesPerChunk} pages");
            }

            offset += sizeBytes;
        }

        return row == RowCount ? [.. pages] : Fail<PageSpan[]>($"{row} rows in the pages where {RowCount} belong");
    }

    private (int Rows, bool ContinuesRow) CountRows(SourceWindow window, long offset, int headerSizeBytes, in PageHeader header)
    {
        if (Column.MaxRepetitionLevel == 0) return (header.ValueCount, false);
        if (header.Type == PageType.DataV2) return (header.RowCount, false);
        var buffer = Decompress(header, window.Fetch(offset + headerSizeBytes, header.CompressedSizeBytes));
        var levels = ArrayPool<byte>.Shared.Rent(header.ValueCount);
        try
        {
            var body = (ReadOnlySpan<byte>)buffer.AsSpan(0, header.UncompressedSizeBytes);
            var repetition = levels.AsSpan(0, header.ValueCount);
            DecodeLevels(TakePrefixed(ref body), header.RepetitionEncoding, Column.MaxRepetitionLevel, repetition, "repetition");
            return (LevelDecoder.CountRows(repetition), repetition.Length > 0 && repetition[0] != 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            ArrayPool<byte>.Shared.Return(levels);
        }
    }

    /// <summary>A header has no length of its own: what is left up to <paramref name="end"/> is tried in growing pieces.</summary>
    private PageHeader FindHeader(SourceWindow window, long offset, long end, out int headerSizeBytes)
    {
        _pageOffset = offset;
        for (var length = 256; ; length *= 16)
        {
            var available = (int)Math.Min(end - offset, Math.Min(length, ParquetLimits.MaxPageHeaderBytes));
            try
            {
                return ReadHeader(window.Fetch(offset, available), out headerSizeBytes);
            }
            catch (ParquetFormatException) when (available == length)
            {
                // It may only have been cut off.
            }
        }
    }

    private ColumnDictionary? ReadDictionary()
    {
        using var window = OpenDictionary(out var offset, out var header, out var headerSizeBytes);
        if (window is null) return null;
        var buffer = Decompress(header, window.Fetch(offset + headerSizeBytes, header.CompressedSizeBytes));
        try
        {
            return DecodeDictionary(header, buffer.AsSpan(0, header.UncompressedSizeBytes));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Finds the dictionary page and reads its header; null if the chunk has none.</summary>
    private SourceWindow? OpenDictionary(out long offset, out PageHeader header, out int headerSizeBytes)
    {
        (header, headerSizeBytes) = (default, 0);
        offset = Chunk.DictionaryPageOffset;
        // Some writers do not name the dictionary: then it lies before the first data page.
        if (offset <= 0)
        {
            if (Pages.IsEmpty || Pages[0].Offset == Chunk.StartOffset) return null;
            offset = Chunk.StartOffset;
        }

        var window = new SourceWindow(Source, DictionaryEnd(offset));
        try
        {
            header = FindHeader(window, offset, DictionaryEnd(offset), out headerSizeBytes);
            if (header.Type != PageType.Dictionary) Fail($"a {header.Type} page where the dictionary belongs");
            if (header.CompressedSizeBytes > ChunkEnd - offset - headerSizeBytes)
                Fail($"a dictionary of {header.CompressedSizeBytes} bytes, but the chunk ends at {ChunkEnd}");
            return window;
        }
        catch
        {
            window.Dispose();
            throw;
        }
    }

    private long DictionaryEnd(long offset) => Chunk.DataPageOffset > offset ? Chunk.DataPageOffset : ChunkEnd;
}
