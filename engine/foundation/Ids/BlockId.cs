namespace Tempo.Engine.Foundation;

/// <summary>The id of a block: a UUID, written lower case. The text is its folder name.</summary>
public readonly struct BlockId(Guid value) : IEquatable<BlockId>, IComparable<BlockId>
{
    public Guid Value { get; } = value;

    /// <summary>Parses the 36-character form only.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out BlockId id)
    {
        var ok = Guid.TryParseExact(text, "D", out var value);
        id = new BlockId(value);
        return ok;
    }

    /// <summary>
    /// A UUID made from a 64-bit pair, with the version (8: custom) and variant bits of RFC 9562 set. Equal inputs give
    /// equal ids, which is what makes a flush that is repeated after a crash find its own earlier work.
    /// </summary>
    public static BlockId Derive(ulong high, ulong low)
    {
        Span<byte> bytes = stackalloc byte[16];
        new TraceId(high, low).Write(bytes);
        bytes[6] = (byte)(bytes[6] & 0x0F | 0x80);
        bytes[8] = (byte)(bytes[8] & 0x3F | 0x80);
        return new BlockId(new Guid(bytes, bigEndian: true));
    }

    public override string ToString() => Value.ToString("D");
    public bool Equals(BlockId other) => Value == other.Value;
    public override bool Equals(object? obj) => obj is BlockId other && Equals(other);
    public override int GetHashCode() => Value.GetHashCode();
    public int CompareTo(BlockId other) => Value.CompareTo(other.Value);
    public static bool operator ==(BlockId left, BlockId right) => left.Equals(right);
    public static bool operator !=(BlockId left, BlockId right) => !left.Equals(right);
}
