namespace Tempo.Engine.Parquet;

/// <summary>
/// Byte strings handed to the writer without copying them first. Value i is entry i of the table, or entry <c>codes[i]</c> if
/// codes are given. The table is offsets (entries + 1) into bytes, or a slab of equally wide entries.
/// </summary>
public readonly ref struct ByteArrayValues
{
    private readonly ReadOnlySpan<int> _offsets;
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ReadOnlySpan<int> _codes;
    private readonly int _widthBytes;
    private readonly bool _hasCodes;

    /// <summary>Entry i is <paramref name="bytes"/>[offsets[i], offsets[i + 1]).</summary>
    public ByteArrayValues(ReadOnlySpan<int> offsets, ReadOnlySpan<byte> bytes)
    {
        if (offsets.IsEmpty) throw new ArgumentException("Offsets need one more element than there are values.", nameof(offsets));
        _offsets = offsets;
        _bytes = bytes;
        Count = offsets.Length - 1;
    }

    public ByteArrayValues(ByteArrayTable table)
        : this(table.Offsets, table.Bytes)
    {
    }

    private ByteArrayValues(
        ReadOnlySpan<int> offsets, ReadOnlySpan<byte> bytes, int widthBytes, ReadOnlySpan<int> codes, bool hasCodes, int count)
    {
        _offsets = offsets;
        _bytes = bytes;
        _widthBytes = widthBytes;
        _codes = codes;
        _hasCodes = hasCodes;
        Count = count;
    }

    /// <summary>Number of values.</summary>
    public int Count { get; }

    /// <summary>Bytes of each value where all are equally wide by construction; else 0.</summary>
    public int FixedWidthBytes => _widthBytes;

    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var entry = _hasCodes ? _codes[index] : index;
            if (_widthBytes > 0) return _bytes.Slice(entry * _widthBytes, _widthBytes);
            var start = _offsets[entry];
            return _bytes.Slice(start, _offsets[entry + 1] - start);
        }
    }

    /// <summary>A slab of ids: value i is the i-th <paramref name="widthBytes"/> bytes.</summary>
    public static ByteArrayValues FixedWidth(ReadOnlySpan<byte> slab, int widthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(widthBytes);
        if (slab.Length % widthBytes != 0)
            throw new ArgumentException($"The slab's {slab.Length} bytes are not a multiple of {widthBytes}.", nameof(slab));
        return new ByteArrayValues([], slab, widthBytes, [], hasCodes: false, slab.Length / widthBytes);
    }

    /// <summary>Values picked from this table: value i is entry <paramref name="codes"/>[i].</summary>
    public ByteArrayValues Select(ReadOnlySpan<int> codes) => _hasCodes
        ? throw new InvalidOperationException("These values are a selection already.")
        : new ByteArrayValues(_offsets, _bytes, _widthBytes, codes, hasCodes: true, codes.Length);

    /// <summary>The values' bytes where they already lie one behind the other in order; false for a selection.</summary>
    internal bool TryGetContiguous(out ReadOnlySpan<byte> bytes)
    {
        bytes = _hasCodes ? [] : _widthBytes > 0 ? _bytes : _bytes[_offsets[0].._offsets[^1]];
        return !_hasCodes;
    }

    /// <summary>Sum of the lengths.</summary>
    internal long SizeBytes()
    {
        if (TryGetContiguous(out var bytes)) return bytes.Length;
        if (_widthBytes > 0) return (long)_widthBytes * Count;
        long sum = 0;
        foreach (var code in _codes) sum += _offsets[code + 1] - _offsets[code];
        return sum;
    }
}
