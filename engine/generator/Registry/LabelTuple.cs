using System.Buffers.Binary;
using System.Text.Unicode;

namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// The label values of one series while they are put together, as the bytes that are also its key in a
/// <see cref="SeriesTable"/>: of each value two bytes of length (little-endian), then the bytes. Reused for every span,
/// so it allocates nothing once it has grown. Not thread safe.
/// </summary>
public sealed class LabelTuple(int maxValueBytes = LabelTuple.DefaultMaxValueBytes)
{
    /// <summary>Tempo's <c>max_label_value_length</c>; longer values are cut on a UTF-8 boundary.</summary>
    public const int DefaultMaxValueBytes = 2048;

    /// <summary>What the length prefix can say.</summary>
    public const int LargestMaxValueBytes = ushort.MaxValue - 1;

    internal const int PrefixBytes = 2;
    private readonly int _maxValueBytes = Math.Min(maxValueBytes, LargestMaxValueBytes);
    private byte[] _bytes = new byte[256];

    /// <summary>Bytes so far; give it to <see cref="Truncate"/> to come back to this point.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Truncate(int length) => Length = length;

    /// <summary>Adds a value; an empty one is a label that is not there.</summary>
    public void Add(ReadOnlySpan<byte> value) => Append(Cut(value, _maxValueBytes));

    private void Append(ReadOnlySpan<byte> value)
    {
        var end = Length + PrefixBytes + value.Length;
        if (end > _bytes.Length) Array.Resize(ref _bytes, Math.Max(end, _bytes.Length * 2));
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(Length), (ushort)value.Length);
        value.CopyTo(_bytes.AsSpan(Length + PrefixBytes));
        Length = end;
    }

    /// <summary>Adds a label's name, in a tuple that brings its own; whoever makes names holds them to their limit.</summary>
    public void AddName(ReadOnlySpan<byte> name) => Append(name.Length > LargestMaxValueBytes ? name[..LargestMaxValueBytes] : name);

    /// <summary>Every value is UTF-8. The prefixes are not text, so the values are looked at one by one.</summary>
    public bool IsText()
    {
        var values = new LabelValues(Bytes);
        while (values.TryReadNext(out var value))
            if (!Utf8.IsValid(value)) return false;
        return true;
    }

    /// <summary>
    /// The value, or so many bytes of its beginning, which end between two characters. What is not UTF-8 is cut anywhere.
    /// </summary>
    public static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> value, int maxBytes)
    {
        if (value.Length <= maxBytes) return value;
        var end = maxBytes;
        while (end > maxBytes - 4 && end > 0 && (value[end] & 0xC0) == 0x80) end--;
        return value[..end];
    }
}

/// <summary>Walks over the values of a <see cref="LabelTuple"/>'s bytes.</summary>
public ref struct LabelValues(ReadOnlySpan<byte> tuple)
{
    private ReadOnlySpan<byte> _rest = tuple;

    public bool TryReadNext(out ReadOnlySpan<byte> value)
    {
        if (_rest.IsEmpty)
        {
            value = default;
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        value = _rest.Slice(LabelTuple.PrefixBytes, length);
        _rest = _rest[(LabelTuple.PrefixBytes + length)..];
        return true;
    }
}
