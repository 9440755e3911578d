using System.Buffers.Binary;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// What the column index says of the pages of one chunk, for questions about a range of rows: the bounds of all pages that have some of
/// them. Where there is no index, or none that makes sense, every answer is "maybe". Thread safe.
/// </summary>
internal sealed class PageBounds
{
    /// <summary>No writer cuts a bound to less: Tempo's leaves 16 bytes.</summary>
    private const int MinCutBytes = 8;

    /// <summary>Of an entry, beside its arrays' content.</summary>
    private const int EntryBytes = 200;

    /// <summary>Of two texts, beside their content.</summary>
    private const int TextBytes = 64;

    /// <summary>Of a chunk without an index.</summary>
    public static readonly PageBounds Unknown = new();

    // Of each page its first row, and behind them all how many rows there are.
    private readonly long[] _firstRows = [];
    private readonly bool[] _isEmpty = [];

    // Of numbers as they are, or as the bits of doubles; else texts.
    private readonly (long Min, long Max)[] _numbers = [];
    private readonly (byte[] Min, byte[] Max)[] _texts = [];
    private readonly bool _areDoubles;
    private readonly bool _areUnsigned;

    private PageBounds()
    {
    }

    private PageBounds(ColumnReader column, ColumnIndex index)
    {
        _isEmpty = index.NullPages;
        _firstRows = new long[index.PageCount + 1];
        for (var page = 0; page < index.PageCount; page++) _firstRows[page] = column.GetPageRows(page).FirstRow;
        _firstRows[^1] = column.RowCount;
        _areDoubles = column.Column.Type == PhysicalType.Double;
        _areUnsigned = column.Column.Node.IsUnsigned;
        if (column.Column.Type == PhysicalType.ByteArray)
        {
            _texts = new (byte[] Min, byte[] Max)[index.PageCount];
            for (var page = 0; page < _texts.Length; page++) _texts[page] = (index.MinValues[page], index.MaxValues[page]);
            return;
        }

        if (column.Column.Type is not (PhysicalType.Int32 or PhysicalType.Int64 or PhysicalType.Double)) return;
        var width = column.Column.Type == PhysicalType.Int32 ? sizeof(int) : sizeof(long);
        var numbers = new (long Min, long Max)[index.PageCount];
        for (var page = 0; page < numbers.Length; page++)
        {
            if (_isEmpty[page]) continue;
            // Not what such an index has: none of it is believed.
            if (index.MinValues[page].Length != width || index.MaxValues[page].Length != width) return;
            numbers[page] = (Number(index.MinValues[page]), Number(index.MaxValues[page]));
        }

        _numbers = numbers;
    }

    /// <summary>Of a chunk, as its index says. Throws <see cref="ParquetFormatException"/> if that is damaged.</summary>
    public static PageBounds Read(ColumnReader column) =>
        column.ReadColumnIndex() is { PageCount: > 0 } index ? new PageBounds(column, index) : Unknown;

    /// <summary>What it takes, roughly: an entry in a table, and its arrays.</summary>
    public long MemoryBytes => EntryBytes + (sizeof(long) + 1L) * _isEmpty.Length + 2L * sizeof(long) * _numbers.Length
        + _texts.Sum(static page => TextBytes + page.Min.Length + (long)page.Max.Length);

    /// <summary>False: the rows have no value in this column.</summary>
    public bool HasValues(long rowStart, int rowCount)
    {
        if (_isEmpty.Length == 0) return true;
        for (var page = PageOf(rowStart); page < _isEmpty.Length && _firstRows[page] < rowStart + rowCount; page++)
            if (!_isEmpty[page])
                return true;
        return false;
    }

    /// <summary>
    /// Bounds of whole numbers, inclusive; everything if they are not known, or where writers order such numbers as signed ones. Rows
    /// without a value are between any bounds.
    /// </summary>
    public (ulong Min, ulong Max) Unsigned(long rowStart, int rowCount)
    {
        if (_numbers.Length == 0 || _areDoubles) return (0, ulong.MaxValue);
        var (low, high, isThere) = (long.MaxValue, long.MinValue, false);
        for (var page = PageOf(rowStart); page < _numbers.Length && _firstRows[page] < rowStart + rowCount; page++)
        {
            if (_isEmpty[page]) continue;
            isThere = true;
            var (min, max) = _numbers[page];
            if (min < 0 || max < min) return (0, ulong.MaxValue);
            (low, high) = (Math.Min(low, min), Math.Max(high, max));
        }

        return isThere ? ((ulong)low, (ulong)high) : (0, ulong.MaxValue);
    }

    /// <summary>False: none of the rows has a number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public bool MayHold(long rowStart, int rowCount, double min, double max)
    {
        if (_numbers.Length == 0) return HasValues(rowStart, rowCount);
        for (var page = PageOf(rowStart); page < _numbers.Length && _firstRows[page] < rowStart + rowCount; page++)
        {
            if (_isEmpty[page]) continue;
            var (low, high) = _numbers[page];
            if (_areUnsigned && (low | high) < 0) return true;
            var (lowest, highest) = _areDoubles ? (BitConverter.Int64BitsToDouble(low), BitConverter.Int64BitsToDouble(high)) : (low, high);
            // Bounds that are not in order, or no numbers, mean nothing.
            if (!(lowest <= highest) || !(highest < min || lowest > max)) return true;
        }

        return false;
    }

    /// <summary>False: none of the rows has this text.</summary>
    public bool MayHold(long rowStart, int rowCount, ReadOnlySpan<byte> text)
    {
        if (_texts.Length == 0) return HasValues(rowStart, rowCount);
        for (var page = PageOf(rowStart); page < _texts.Length && _firstRows[page] < rowStart + rowCount; page++)
        {
            if (_isEmpty[page]) continue;
            var (min, max) = _texts[page];
            // A bound may have been cut, and not every writer rounds an upper one up.
            var isBelowMax = text.SequenceCompareTo(max) <= 0 || max.Length >= MinCutBytes && text.StartsWith(max);
            if (min.AsSpan().SequenceCompareTo(max) > 0 || isBelowMax && text.SequenceCompareTo(min) >= 0) return true;
        }

        return false;
    }

    /// <summary>
    /// The first and the last text of ascending rows; null if they are not known. Not of a writer that cuts bounds to less than the texts
    /// have.
    /// </summary>
    public (byte[] First, byte[] Last)? Ascending(long rowStart, int rowCount)
    {
        if (_texts.Length == 0) return null;
        var page = PageOf(rowStart);
        var first = _texts[page].Min;
        var last = first;
        for (; page < _texts.Length && _firstRows[page] < rowStart + rowCount; page++)
        {
            // No checksum covers the index: bounds that are not in order mean nothing.
            if (_isEmpty[page] || _texts[page].Min.AsSpan().SequenceCompareTo(_texts[page].Max) > 0
                || _texts[page].Min.AsSpan().SequenceCompareTo(last) < 0)
                return null;
            last = _texts[page].Max;
        }

        return (first, last);
    }

    // The last page that begins at the row or before.
    private int PageOf(long row)
    {
        int low = 0, high = _isEmpty.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_firstRows[middle] <= row) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    private static long Number(byte[] bound) =>
        bound.Length == sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(bound) : BinaryPrimitives.ReadInt64LittleEndian(bound);
}
