using System.Buffers;

namespace Tempo.Engine.Parquet;

// Rows of any size, some entries at a time.
public sealed partial class ColumnReader
{
    /// <summary>
    /// Reads as <see cref="Read"/>, but delivers the entries in slices of at most <paramref name="maxEntries"/>, so that a row may be
    /// larger than memory: held are one page, its levels, and the values of a slice. A slice may begin and end within a row;
    /// <see cref="ColumnData.RowCount"/> says how many rows begin in it. <paramref name="target"/> is filled anew for each.
    /// </summary>
    public void ReadSlices(long rowStart, int rowCount, int maxEntries, ColumnData target, Action visit)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(visit);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxEntries);
        ArgumentOutOfRangeException.ThrowIfNegative(rowStart);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rowCount, RowCount - rowStart);
        var rows = 0L;
        var rowEnd = rowStart + rowCount;
        using var window = new SourceWindow(Source, ChunkEnd);
        foreach (ref readonly var page in Pages)
        {
            if (!page.EndsAfter(rowStart)) continue;
            if (!page.BeginsBefore(rowEnd)) break;
            rows += ReadSlices(window, page, rowStart, rowEnd, maxEntries, target, visit);
        }

        if (rows != rowCount) Fail($"{rows} rows where {rowCount} belong");
    }

    /// <summary>Whether a page with some of these rows, or the dictionary of all, takes more bytes in the file.</summary>
    public bool HasPageBeyond(long bytes, long rowStart, int rowCount)
    {
        // What a row has of texts may lie in the dictionary alone, and its pages be a few indices.
        if (!Pages.IsEmpty && Pages[0].Offset - Chunk.StartOffset > bytes) return true;
        foreach (ref readonly var page in Pages)
            if (page.SizeBytes > bytes && page.EndsAfter(rowStart) && page.BeginsBefore(rowStart + rowCount))
                return true;
        return false;
    }

    // The result is the rows that begin in the page.
    private long ReadSlices(
        SourceWindow window, in PageSpan page, long rowStart, long rowEnd, int maxEntries, ColumnData target, Action visit)
    {
        _pageOffset = page.Offset;
        var bytes = window.Fetch(page.Offset, page.SizeBytes);
        var header = ReadHeader(bytes, out var headerSizeBytes);
        if (header.Type is not (PageType.Data or PageType.DataV2)) Fail($"a {header.Type} page where a data page belongs");
        var buffer = Decompress(header, bytes[headerSizeBytes..]);
        var levels = ArrayPool<byte>.Shared.Rent(2 * header.ValueCount);
        try
        {
            var body = (ReadOnlySpan<byte>)buffer.AsSpan(0, header.UncompressedSizeBytes);
            var repetition = Column.MaxRepetitionLevel > 0 ? levels.AsSpan(0, header.ValueCount) : default;
            var definition = Column.MaxDefinitionLevel > 0 ? levels.AsSpan(header.ValueCount, header.ValueCount) : default;
            TakeLevels(header, ref body, out var encodedRepetition, out var encodedDefinition);
            DecodeAllLevels(header, encodedRepetition, encodedDefinition, repetition, definition, isRepetitionKnown: false);
            CheckRows(repetition, header.ValueCount, page);
            var (first, end) = FindLevels(repetition, header.ValueCount, page, rowStart, rowEnd);
            var total = FindValues(definition, header.ValueCount, 0, header.ValueCount).Count;
            var skip = FindValues(definition, header.ValueCount, 0, first).Count;
            var rows = 0L;
            for (var at = first; at < end; at += maxEntries)
            {
                var entries = Math.Min(maxEntries, end - at);
                target.Clear();
                if (Dictionary is { } dictionary) target.UseDictionary(dictionary.Strings);
                if (!repetition.IsEmpty) repetition.Slice(at, entries).CopyTo(target.AddRepetitionLevels(entries));
                if (!definition.IsEmpty) definition.Slice(at, entries).CopyTo(target.AddDefinitionLevels(entries));
                var count =
                    definition.IsEmpty ? entries : LevelDecoder.CountValues(definition.Slice(at, entries), Column.MaxDefinitionLevel);
                DecodeValues(header.Encoding, body, new ValueRange(total, skip, count), target);
                (target.LevelCount, target.ValueCount) = (entries, count);
                target.RowCount = repetition.IsEmpty ? entries : LevelDecoder.CountRows(repetition.Slice(at, entries));
                rows += target.RowCount;
                skip += count;
                visit();
            }

            return rows;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(levels);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
