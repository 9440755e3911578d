namespace Tempo.Engine.Parquet;

/// <summary>
/// Byte strings one behind the other with their offsets: dictionaries, and decoded string values. Grows, is cleared and reused.
/// Not thread safe while it is being filled.
/// </summary>
public sealed class ByteArrayTable
{
    private int[] _offsets = new int[17];
    private byte[] _bytes = [];

    /// <summary>Number of strings.</summary>
    public int Count { get; private set; }

    /// <summary>Sum of the lengths.</summary>
    public int SizeBytes => _offsets[Count];

    /// <summary>Memory that it keeps.</summary>
    public long AllocatedBytes => _bytes.Length + 4L * _offsets.Length;

    /// <summary><see cref="Count"/> + 1 offsets into <see cref="Bytes"/>, the first 0; string i is [offset i, offset i + 1).</summary>
    public ReadOnlySpan<int> Offsets => _offsets.AsSpan(0, Count + 1);

    /// <summary>All strings, <see cref="SizeBytes"/> long.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, SizeBytes);

    /// <summary>
    /// The arrays behind <see cref="Bytes"/> and <see cref="Offsets"/>, for who shares them instead of copying. Not to be changed;
    /// they are this table's until it grows or is cleared.
    /// </summary>
    public (byte[] Bytes, int[] Offsets) Arrays => (_bytes, _offsets);

    /// <summary>String <paramref name="index"/>; valid until the table grows or is cleared.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var start = Offsets[index];
            return _bytes.AsSpan(start, Offsets[index + 1] - start);
        }
    }

    /// <summary>Adds a string and returns its index.</summary>
    public int Append(ReadOnlySpan<byte> value)
    {
        Reserve(1, value.Length);
        value.CopyTo(_bytes.AsSpan(SizeBytes));
        var end = SizeBytes + value.Length;
        _offsets[++Count] = end;
        return Count - 1;
    }

    /// <summary>Forgets the strings, and takes other memory for its own, which the caller gets. Offsets begin with 0.</summary>
    internal void Exchange(ref byte[] bytes, ref int[] offsets)
    {
        Count = 0;
        (_bytes, bytes) = (bytes, _bytes);
        (_offsets, offsets) = (offsets, _offsets);
    }

    /// <summary>Forgets the strings, keeps the memory.</summary>
    public void Clear() => Count = 0;

    /// <summary>Adds all strings of <paramref name="other"/>.</summary>
    public void AppendAll(ByteArrayTable other)
    {
        var start = SizeBytes;
        Prepare(other.Count, other.SizeBytes, out var endOffsets, out var bytes);
        other.Bytes.CopyTo(bytes);
        for (var i = 0; i < endOffsets.Length; i++) endOffsets[i] = start + other._offsets[i + 1];
        Commit(other.Count);
    }

    /// <summary>
    /// Room for <paramref name="count"/> more strings of <paramref name="sizeBytes"/> in all. The caller fills the end offset of each
    /// (relative to <see cref="Bytes"/>, so beginning at <see cref="SizeBytes"/>) and the bytes, and then calls <see cref="Commit"/>.
    /// </summary>
    internal void Prepare(int count, int sizeBytes, out Span<int> endOffsets, out Span<byte> bytes)
    {
        Reserve(count, sizeBytes);
        endOffsets = _offsets.AsSpan(Count + 1, count);
        bytes = _bytes.AsSpan(SizeBytes, sizeBytes);
    }

    internal void Commit(int count) => Count += count;

    /// <summary>Makes room. Throws <see cref="ParquetFormatException"/> beyond <see cref="ParquetLimits.MaxTableBytes"/>.</summary>
    internal void Reserve(int count, int sizeBytes)
    {
        var neededBytes = (long)SizeBytes + sizeBytes;
        if (neededBytes > ParquetLimits.MaxTableBytes)
            ParquetFormatException.Throw(
                $"A read gives {neededBytes} bytes of strings; the limit is {ParquetLimits.MaxTableBytes}. Read fewer rows at a time.");
        if (neededBytes > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(neededBytes, Math.Min(_bytes.Length * 2L, ParquetLimits.MaxTableBytes)));
        if (Count + count + 1 > _offsets.Length) Array.Resize(ref _offsets, Math.Max(Count + count + 1, _offsets.Length * 2));
    }
}
