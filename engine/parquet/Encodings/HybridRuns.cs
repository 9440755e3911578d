using System.Runtime.CompilerServices;

namespace Tempo.Engine.Parquet;

/// <summary>The runs of an RLE / bit-packed hybrid one after the other, cut where <paramref name="total"/> numbers are reached.</summary>
internal ref struct HybridRuns(ReadOnlySpan<byte> source, int width, int total)
{
    private readonly ReadOnlySpan<byte> _source = source;
    private int _position;
    private int _left = total;

    /// <summary>Numbers of the run; always some.</summary>
    public int Count { get; private set; }

    /// <summary>The run is one number again and again.</summary>
    public bool IsRepeated { get; private set; }

    /// <summary>That number.</summary>
    public uint Value { get; private set; }

    /// <summary>The numbers packed; at least as many bytes as they take, and all that follow.</summary>
    public ReadOnlySpan<byte> Packed { get; private set; }

    /// <summary>All numbers were met.</summary>
    public readonly bool IsAtEnd => _left == 0;

    /// <summary>
    /// Goes on to the next run; false at the end, and where the runs are malformed or end early (then not <see cref="IsAtEnd"/>).
    /// </summary>
    public bool MoveNext()
    {
        while (_left > 0)
        {
            if (!Varint.TryRead(_source, ref _position, out var header)) return false;
            var count = (int)Math.Min(header >> 1, (ulong)int.MaxValue);
            IsRepeated = (header & 1) == 0;
            if (!(IsRepeated ? TryTakeValue() : TryTakePacked(ref count))) return false;
            Count = Math.Min(count, _left);
            _left -= Count;
            if (Count > 0) return true;
        }

        return false;
    }

    /// <summary>
    /// Goes on to the next run and past it, if it is one number of up to 8 bits, less than 64 times and no more often than are left. False,
    /// with nothing done, for any other, and at the end.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTakeShort(out byte value, out int count)
    {
        (value, count) = (0, 0);
        if (width is 0 or > 8 || _position + 1 >= _source.Length) return false;
        int header = _source[_position];
        // More than one byte of header, packed groups, or no number at all.
        if ((header & 0x81) != 0 || header == 0 || header >> 1 > _left) return false;
        (value, count) = (_source[_position + 1], header >> 1);
        _position += 2;
        _left -= count;
        return true;
    }

    private bool TryTakeValue()
    {
        var bytes = (width + 7) / 8;
        if (bytes > _source.Length - _position) return false;
        Value = 0;
        for (var i = 0; i < bytes; i++) Value |= (uint)_source[_position++] << (8 * i);
        return true;
    }

    // A run of groups of eight; the last may be cut off behind the numbers that are needed.
    private bool TryTakePacked(ref int count)
    {
        Packed = _source[_position..];
        var packedBytes = Math.Min((long)count * width, Packed.Length);
        count = (int)Math.Min(count * 8L, _left);
        if (((long)count * width) + 7 >> 3 > Packed.Length) return false;
        _position += (int)packedBytes;
        return true;
    }
}
