using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

// The dictionary page, and pages of indices into it.
public sealed partial class ColumnChunkWriter
{
    // Kept only to find the bounds of pages that come after their dictionary.
    private int[] _int32Dictionary = [];
    private long[] _int64Dictionary = [];

    /// <summary>
    /// The chunk's dictionary of strings; entry i is what index i stands for. Once a chunk, before or after the pages that use it.
    /// </summary>
    public void WriteDictionary(ByteArrayValues entries)
    {
        BeginDictionary();
        if (Column.Type == PhysicalType.FixedLenByteArray)
        {
            ExpectFixedLength(entries);
            PlainEncoder.EncodeBytes(entries, _page);
        }
        else
        {
            Expect(PhysicalType.ByteArray);
            PlainEncoder.EncodeByteArrays(entries, _page);
        }

        EndDictionary(entries.Count);
    }

    /// <summary>The chunk's dictionary of INT32. Pages of bare indices get bounds only if it comes before all pages.</summary>
    public void WriteDictionary(ReadOnlySpan<int> entries)
    {
        Expect(PhysicalType.Int32);
        BeginDictionary();
        PlainEncoder.Encode(entries, _page);
        EndDictionary(entries.Length);
        if (IsToBound) _int32Dictionary = entries.ToArray();
    }

    /// <summary>The chunk's dictionary of INT64. Pages of bare indices get bounds only if it comes before all pages.</summary>
    public void WriteDictionary(ReadOnlySpan<long> entries)
    {
        Expect(PhysicalType.Int64);
        BeginDictionary();
        PlainEncoder.Encode(entries, _page);
        EndDictionary(entries.Length);
        if (IsToBound) _int64Dictionary = entries.ToArray();
    }

    /// <summary>The chunk's dictionary of DOUBLE. Its pages have no bounds.</summary>
    public void WriteDictionary(ReadOnlySpan<double> entries)
    {
        Expect(PhysicalType.Double);
        BeginDictionary();
        PlainEncoder.Encode(entries, _page);
        EndDictionary(entries.Length);
    }

    /// <summary>
    /// A page of indices into the dictionary, <paramref name="bitWidth"/> bits each: from <see cref="BitWidth.Of(int)"/>, or
    /// <see cref="BitWidth.ByteAlignedOf"/>, of the largest index the page may hold.
    /// </summary>
    public void WriteDictionaryIndices(in PageLevels levels, ReadOnlySpan<int> indices, int bitWidth)
    {
        WriteIndices(levels, indices, bitWidth);
        if (_maxIndex < _int32Dictionary.Length) EndIndices(levels, indices, _int32Dictionary);
        else if (_maxIndex < _int64Dictionary.Length) EndIndices(levels, indices, _int64Dictionary);
        else EndPage(levels, PageEncoding.RleDictionary, null, null);
    }

    /// <summary>The same with the values that the indices stand for, of which the page gets its bounds.</summary>
    public void WriteDictionaryIndices(in PageLevels levels, ReadOnlySpan<int> indices, int bitWidth, ReadOnlySpan<int> values)
    {
        WriteIndices(levels, indices, bitWidth);
        if (Column.Type == PhysicalType.Int32)
        {
            EndPage(levels, PageEncoding.RleDictionary, values);
            return;
        }

        Expect(PhysicalType.Int64);
        var (least, greatest) = Bounds(values);
        Span<long> both = [least, greatest];
        EndPage(levels, PageEncoding.RleDictionary, (ReadOnlySpan<long>)(values.IsEmpty ? [] : both));
    }

    /// <inheritdoc cref="WriteDictionaryIndices(in PageLevels, ReadOnlySpan{int}, int, ReadOnlySpan{int})"/>
    public void WriteDictionaryIndices(in PageLevels levels, ReadOnlySpan<int> indices, int bitWidth, ReadOnlySpan<long> values)
    {
        Expect(PhysicalType.Int64);
        WriteIndices(levels, indices, bitWidth);
        EndPage(levels, PageEncoding.RleDictionary, values);
    }

    /// <summary>
    /// The same with what the indices stand for: entry i is index i's. The page gets bounds where strings are to have some.
    /// </summary>
    public void WriteDictionaryIndices(in PageLevels levels, ReadOnlySpan<int> indices, int bitWidth, ByteArrayValues entries)
    {
        Expect(PhysicalType.ByteArray);
        WriteIndices(levels, indices, bitWidth);
        if (_options.Bounds != BoundsPolicy.All)
        {
            EndPage(levels, PageEncoding.RleDictionary, null, null);
            return;
        }

        // Each entry once, however often it is used.
        var used = ArrayPool<bool>.Shared.Rent(entries.Count);
        used.AsSpan(0, entries.Count).Clear();
        foreach (var index in indices) used[index] = true;
        var (least, greatest) = ByteArrayBounds.Of(entries, used.AsSpan(0, entries.Count));
        ArrayPool<bool>.Shared.Return(used);
        EndPage(levels, PageEncoding.RleDictionary, least, greatest);
    }

    private void WriteIndices(in PageLevels levels, ReadOnlySpan<int> indices, int bitWidth)
    {
        if (Column.Type == PhysicalType.Boolean)
            throw new ArgumentException($"Column '{Column.Path}' is BOOLEAN, which takes no dictionary.");
        ArgumentOutOfRangeException.ThrowIfNegative(bitWidth);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bitWidth, 32);
        BeginPage(levels, indices.Length);
        var (min, max) = Range(indices);
        if (min < 0 || BitWidth.Of(max) > bitWidth)
            throw new ArgumentException(
                $"Column '{Column.Path}': indices from {min} to {max} do not fit {bitWidth} bits.", nameof(indices));
        _maxIndex = indices.IsEmpty ? _maxIndex : Math.Max(_maxIndex, max);
        _page.GetSpan(1)[0] = (byte)bitWidth;
        _page.Advance(1);
        RleBitPackedHybrid.Encode(indices, bitWidth, _page);
    }

    private void EndIndices(in PageLevels levels, ReadOnlySpan<int> indices, int[] dictionary)
    {
        var values = ArrayPool<int>.Shared.Rent(indices.Length);
        for (var i = 0; i < indices.Length; i++) values[i] = dictionary[indices[i]];
        EndPage(levels, PageEncoding.RleDictionary, values.AsSpan(0, indices.Length));
        ArrayPool<int>.Shared.Return(values);
    }

    private void EndIndices(in PageLevels levels, ReadOnlySpan<int> indices, long[] dictionary)
    {
        var values = ArrayPool<long>.Shared.Rent(indices.Length);
        for (var i = 0; i < indices.Length; i++) values[i] = dictionary[indices[i]];
        EndPage(levels, PageEncoding.RleDictionary, values.AsSpan(0, indices.Length));
        ArrayPool<long>.Shared.Return(values);
    }

    private void BeginDictionary()
    {
        if (_dictionaryCount >= 0) throw new InvalidOperationException($"Column '{Column.Path}' has a dictionary already.");
        _page.ResetWrittenCount();
    }

    private void EndDictionary(int count)
    {
        _dictionaryCount = count;
        AppendCompressed(new PageHeader { Type = PageType.Dictionary, ValueCount = count, Encoding = PageEncoding.Plain }, 0,
            DictionaryLevel, _dictionaryPage);
        CountPage(PageType.Dictionary, PageEncoding.Plain);
    }

    private bool IsToBound => HasNumericBounds && _locations.Count == 0;

    private void ClearNumberDictionary()
    {
        _int32Dictionary = [];
        _int64Dictionary = [];
    }

    // Of indices, which are not negative: 0 if there is none.
    private static (int Min, int Max) Range(ReadOnlySpan<int> indices)
    {
        var (min, max) = Bounds(indices);
        return (Math.Min(min, 0), Math.Max(max, 0));
    }

    private static (int Min, int Max) Bounds(ReadOnlySpan<int> values)
    {
        if (values.IsEmpty) return (0, 0);
        int min = values[0], max = min;
        var i = 0;
        var minima = new Vector<int>(min);
        var maxima = minima;
        for (; i + Vector<int>.Count <= values.Length; i += Vector<int>.Count)
        {
            var block = new Vector<int>(values[i..]);
            minima = Vector.Min(minima, block);
            maxima = Vector.Max(maxima, block);
        }

        for (var lane = 0; lane < Vector<int>.Count; lane++)
        {
            min = Math.Min(min, minima[lane]);
            max = Math.Max(max, maxima[lane]);
        }

        for (; i < values.Length; i++)
        {
            min = Math.Min(min, values[i]);
            max = Math.Max(max, values[i]);
        }

        return (min, max);
    }
}
