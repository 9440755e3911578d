using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Metrics.Parts;

/// <summary>
/// Writes what <see cref="PartReader"/> reads. What the buffer grows by is charged before. Throws <see cref="QueryException"/> if that is
/// too much. Not thread safe.
/// </summary>
internal sealed class PartWriter(NativeBuffer output, MemoryBudget budget)
{
    /// <summary>Longest count: seven bits a byte.</summary>
    public const int MaxCountBytes = 10;

    /// <summary>Whole numbers up to here are counts; beyond, a double has gaps.</summary>
    public const double MaxWhole = 1L << 53;

    /// <summary>What stands before the eight bytes of a number that is no count.</summary>
    public const ulong AsDouble = 1;

    public void Byte(byte value)
    {
        Room(1)[0] = value;
        output.Advance(1);
    }

    /// <summary>A number that is small mostly: seven bits a byte, the lowest first.</summary>
    public void Count(ulong value)
    {
        var to = Room(MaxCountBytes);
        var size = 0;
        for (; value >= 0x80; value >>= 7) to[size++] = (byte)(value | 0x80);
        to[size++] = (byte)value;
        output.Advance(size);
    }

    public void Count(int value) => Count((ulong)value);

    /// <summary>Any double, with all its bits: mostly it is a count.</summary>
    public void Number(double value)
    {
        var whole = value is >= 0 and <= MaxWhole ? (ulong)value : 0;
        if (BitConverter.DoubleToUInt64Bits(whole) == BitConverter.DoubleToUInt64Bits(value))
        {
            Count(whole << 1);
            return;
        }

        Count(AsDouble);
        Fixed(BitConverter.DoubleToUInt64Bits(value));
    }

    /// <summary>Eight bytes.</summary>
    public void Fixed(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Room(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Count(bytes.Length);
        bytes.CopyTo(Room(bytes.Length));
        output.Advance(bytes.Length);
    }

    public void Text(string text)
    {
        var size = Encoding.UTF8.GetByteCount(text);
        Count(size);
        output.Advance(Encoding.UTF8.GetBytes(text, Room(size)));
    }

    private Span<byte> Room(int count)
    {
        var before = output.Capacity;
        if (before - output.Length >= count) return output.GetSpan(count);
        long asked = Math.Max(count, before);
        budget.Charge(asked, "what was counted, as bytes");
        var room = output.GetSpan(count);
        budget.Return(asked - (output.Capacity - before));
        return room;
    }
}
