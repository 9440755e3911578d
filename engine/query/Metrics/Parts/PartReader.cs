using System.Buffers.Binary;
using System.Text;

namespace Tempo.Engine.Query.Metrics.Parts;

/// <summary>
/// Reads what <see cref="PartWriter"/> writes. Everything is checked: a length against the bytes that are left, a number against what it
/// counts. Throws
/// <see cref="MetricsPartException"/> for what makes no sense.
/// </summary>
internal ref struct PartReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    public byte Byte(string what) => Take(1, what)[0];

    /// <summary>Eight bytes.</summary>
    public ulong Fixed(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), what));

    public ulong Count(string what)
    {
        if (_at < _bytes.Length && _bytes[_at] < 0x80) return _bytes[_at++];
        ulong value = 0;
        for (var index = 0; index < PartWriter.MaxCountBytes; index++)
        {
            ulong group = Take(1, what)[0];
            value |= (group & 0x7F) << (7 * index);
            if (group < 0x80) return index < PartWriter.MaxCountBytes - 1 || group <= 1 ? value : throw Bad(what);
        }

        throw Bad(what);
    }

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int Within(int least, int most, string what)
    {
        var value = Count(what);
        return value <= int.MaxValue && (int)value >= least && (int)value <= most
            ? (int)value
            : throw Bad($"{what} of {value}, from {least} to {most} expected,");
    }

    /// <summary>How many there are of what takes at least <paramref name="itemBytes"/> each.</summary>
    public int CountOf(int itemBytes, string what) => Within(0, (_bytes.Length - _at) / itemBytes, what);

    public double Number(string what)
    {
        var count = Count(what);
        if (count == PartWriter.AsDouble) return BitConverter.UInt64BitsToDouble(Fixed(what));
        return count % 2 == 0 && count >> 1 <= PartWriter.MaxWhole ? count >> 1 : throw Bad(what);
    }

    /// <summary>How many spans something stands for: more than none.</summary>
    public double Counted(string what) => Number(what) is > 0 and <= double.MaxValue and var count ? count : throw Bad(what);

    public ReadOnlySpan<byte> Bytes(string what) => Take(CountOf(1, what), what);

    public string Text(string what) => Encoding.UTF8.GetString(Bytes(what));

    /// <summary>There is nothing behind.</summary>
    public readonly void End()
    {
        if (_at < _bytes.Length) throw Bad("something behind the end");
    }

    /// <summary>What reading ends with where something makes no sense.</summary>
    public readonly MetricsPartException Bad(string what) =>
        new($"what a metrics query counted elsewhere cannot be added: {what} at byte {_at} of {_bytes.Length}");

    private ReadOnlySpan<byte> Take(int count, string what)
    {
        if (count > _bytes.Length - _at) throw Bad($"{what} that ends behind the last byte,");
        var taken = _bytes.Slice(_at, count);
        _at += count;
        return taken;
    }
}
