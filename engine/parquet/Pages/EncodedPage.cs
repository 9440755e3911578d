using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

/// <summary>
/// One data page as it was written, decompressed and not decoded: for who finds out from levels and indices in their encoded form which
/// of the values are wanted at all. Filled by <see cref="ColumnReader.TryReadPage"/>, again and again with the same memory.
/// </summary>
public sealed class EncodedPage
{
    private byte[] _bytes = [];
    private (int Start, int Length) _repetition;
    private (int Start, int Length) _definition;
    private (int Start, int Length) _values;

    /// <summary>Entries: values and nulls.</summary>
    public int LevelCount { get; private set; }

    /// <summary>How <see cref="Values"/> are encoded.</summary>
    public PageEncoding Encoding { get; private set; }

    /// <summary>Repetition levels, as hybrid runs; empty if the leaf does not repeat.</summary>
    public ReadOnlySpan<byte> Repetition => _bytes.AsSpan(_repetition.Start, _repetition.Length);

    /// <summary>Definition levels, as hybrid runs; empty if the leaf is required on its whole path.</summary>
    public ReadOnlySpan<byte> Definition => _bytes.AsSpan(_definition.Start, _definition.Length);

    /// <summary>The values that are there.</summary>
    public ReadOnlySpan<byte> Values => _bytes.AsSpan(_values.Start, _values.Length);

    /// <summary>The values are indices into the chunk's dictionary.</summary>
    public bool IsOfIndices => Encoding is PageEncoding.RleDictionary or PageEncoding.PlainDictionary;

    /// <summary>
    /// The values, if they are <paramref name="count"/> byte strings of <paramref name="widthBytes"/> each with their lengths before them,
    /// one behind the other; false if they are not, or may not be.
    /// </summary>
    public bool TryGetFixedWidth(ParquetColumn column, int count, int widthBytes, out ReadOnlySpan<byte> slab)
    {
        slab = default;
        if (Encoding != PageEncoding.DeltaLengthByteArray || !HasValues(column, count)) return false;
        if (!DeltaBinaryPackedDecoder.IsConstant(Values, count, widthBytes, out var consumed)
            || (long)count * widthBytes > Values.Length - consumed)
            return false;
        slab = Values.Slice(consumed, count * widthBytes);
        return true;
    }

    /// <summary>The values, if they are <paramref name="count"/> INT64 as they stand; false if they are not.</summary>
    public bool TryGetPlainLongs(ParquetColumn column, int count, out ReadOnlySpan<long> values)
    {
        values = default;
        if (Encoding != PageEncoding.Plain || column.Type != PhysicalType.Int64 || !BitConverter.IsLittleEndian || !HasValues(column, count)
            || Values.Length < (long)count * sizeof(long))
            return false;
        values = MemoryMarshal.Cast<byte, long>(Values[..(count * sizeof(long))]);
        return true;
    }

    /// <summary>
    /// Decodes the values, if they are INT64 in DELTA_BINARY_PACKED, as many as <paramref name="values"/> has places; false if they are
    /// not.
    /// </summary>
    public bool TryDecodeDeltaLongs(ParquetColumn column, Span<long> values) =>
        Encoding == PageEncoding.DeltaBinaryPacked && column.Type == PhysicalType.Int64 && HasValues(column, values.Length)
            && DeltaBinaryPackedDecoder.TryDecode(Values, values, out _);

    // Exactly so many; the levels are sound as far as they say that.
    private bool HasValues(ParquetColumn column, int count)
    {
        if (column.MaxDefinitionLevel == 0) return LevelCount == count;
        var runs = new HybridRuns(Definition, BitWidth.Of(column.MaxDefinitionLevel), LevelCount);
        // Mostly one run: every entry has a value.
        if (runs.MoveNext() && runs.IsAtEnd && runs.IsRepeated) return runs.Value == (uint)column.MaxDefinitionLevel && LevelCount == count;
        var marks = ArrayPool<ulong>.Shared.Rent((LevelCount + 63) / 64);
        try
        {
            var found = marks.AsSpan(0, (LevelCount + 63) / 64);
            if (!HybridMarks.TryMarkLevels(Definition, column.MaxDefinitionLevel, column.MaxDefinitionLevel, LevelCount, found))
                return false;
            var present = 0;
            foreach (var word in found) present += BitOperations.PopCount(word);
            return present == count;
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(marks);
        }
    }

    /// <summary>Forgets the page; memory of more than some ordinary pages is let go.</summary>
    public void Release()
    {
        if (_bytes.Length > MaxKeptBytes) _bytes = [];
        LevelCount = 0;
        _repetition = _definition = _values = default;
    }

    private const int MaxKeptBytes = 4 << 20;

    /// <summary>Memory for a page of so many bytes.</summary>
    internal Span<byte> Begin(int sizeBytes)
    {
        if (_bytes.Length < sizeBytes)
            _bytes = GC.AllocateUninitializedArray<byte>(_bytes.Length == 0 ? sizeBytes : sizeBytes + sizeBytes / 8);
        LevelCount = 0;
        _repetition = _definition = _values = default;
        return _bytes.AsSpan(0, sizeBytes);
    }

    /// <summary>Where in the memory what lies; all are slices of what <see cref="Begin"/> gave.</summary>
    internal void Set(
        int levelCount, PageEncoding encoding, ReadOnlySpan<byte> repetition, ReadOnlySpan<byte> definition, ReadOnlySpan<byte> values)
    {
        LevelCount = levelCount;
        Encoding = encoding;
        _repetition = PlaceOf(repetition);
        _definition = PlaceOf(definition);
        _values = PlaceOf(values);
    }

    private (int Start, int Length) PlaceOf(ReadOnlySpan<byte> part) =>
        part.IsEmpty || !((ReadOnlySpan<byte>)_bytes).Overlaps(part, out var start) ? default : (start, part.Length);
}
