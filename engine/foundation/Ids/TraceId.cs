using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// A 128-bit trace id. Ordered bytewise (as the 16 bytes stand on the wire), which is the row order of a block.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct TraceId(ulong high, ulong low) : IEquatable<TraceId>, IComparable<TraceId>
{
    /// <summary>Bytes of an id on the wire.</summary>
    public const int SizeBytes = 16;

    /// <summary>Wire bytes 0..7, read big-endian.</summary>
    public readonly ulong High = high;

    /// <summary>Wire bytes 8..15, read big-endian.</summary>
    public readonly ulong Low = low;

    /// <summary>The last one in the order.</summary>
    public static TraceId MaxValue => new(ulong.MaxValue, ulong.MaxValue);

    /// <summary>The all-zero id, which no valid span has.</summary>
    public bool IsZero => (High | Low) == 0;

    /// <summary>The one that follows it in the order; the all-zero id behind the last.</summary>
    public TraceId Next => Low < ulong.MaxValue ? new TraceId(High, Low + 1) : new TraceId(unchecked(High + 1), 0);

    /// <summary>Which of ascending ids lie from one to another, both included.</summary>
    public static Range RangeOf(ReadOnlySpan<TraceId> ascending, TraceId first, TraceId last)
    {
        var start = CountBelow(ascending, first, isIncluded: false);
        return start..Math.Max(start, CountBelow(ascending, last, isIncluded: true));
    }

    // Of equal ids, which only blocks of others have, all or none.
    private static int CountBelow(ReadOnlySpan<TraceId> ascending, TraceId bound, bool isIncluded)
    {
        var (low, high) = (0, ascending.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var order = ascending[middle].CompareTo(bound);
            if (order < 0 || (isIncluded && order == 0)) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>Reads the 16 wire bytes. The caller has checked the length.</summary>
    public static TraceId Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Writes the 16 wire bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    /// <summary>
    /// Parses 1 to 32 hex digits of either case; a shorter text is left-padded with zeros, as Tempo does.
    /// False for an empty text, a longer one, or a digit that is not hex.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out TraceId id)
    {
        id = default;
        if (hex.Length is 0 or > 32) return false;
        var highDigits = Math.Max(0, hex.Length - 16);
        ulong high = 0;
        if (highDigits > 0 && !ulong.TryParse(hex[..highDigits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out high))
            return false;
        if (!ulong.TryParse(hex[highDigits..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low)) return false;
        id = new TraceId(high, low);
        return true;
    }

    /// <summary>32 lower-case hex digits.</summary>
    public override string ToString() => $"{High:x16}{Low:x16}";

    /// <summary>As <see cref="ToShortString"/>, in ASCII; returns the number of bytes, at most 32.</summary>
    public int WriteShortText(Span<byte> destination)
    {
        var written = 0;
        if (High != 0) High.TryFormat(destination, out written, "x", CultureInfo.InvariantCulture);
        Low.TryFormat(destination[written..], out var rest, High != 0 ? "x16" : "x", CultureInfo.InvariantCulture);
        return written + rest;
    }

    /// <summary>Hex without leading zeros ("0" for the zero id): the form of search answers and of TraceIDText.</summary>
    public string ToShortString() => High == 0 ? Low.ToString("x", CultureInfo.InvariantCulture) : $"{High:x}{Low:x16}";

    public bool Equals(TraceId other) => High == other.High && Low == other.Low;
    public override bool Equals(object? obj) => obj is TraceId other && Equals(other);

    /// <summary>A mixed hash; ids from careless senders (small counters) spread too.</summary>
    public override int GetHashCode() => (int)Mix();

    /// <summary>64 well-mixed bits of the id, for hash tables.</summary>
    public ulong Mix()
    {
        var h = (High ^ 0x9E3779B97F4A7C15UL) * 0xBF58476D1CE4E5B9UL ^ Low;
        h = (h ^ (h >> 32)) * 0x94D049BB133111EBUL;
        return h ^ (h >> 29);
    }

    public int CompareTo(TraceId other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);
    public static bool operator ==(TraceId left, TraceId right) => left.Equals(right);
    public static bool operator !=(TraceId left, TraceId right) => !left.Equals(right);
}
