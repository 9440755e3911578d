using System.Buffers.Binary;

namespace Tempo.Engine.Foundation;

/// <summary>A 64-bit span id; zero means "none" (a parent id that is not there).</summary>
public readonly struct SpanId(ulong value) : IEquatable<SpanId>
{
    /// <summary>Bytes of an id on the wire.</summary>
    public const int SizeBytes = 8;

    /// <summary>The 8 wire bytes, read big-endian.</summary>
    public readonly ulong Value = value;

    public bool IsZero => Value == 0;

    /// <summary>Reads the 8 wire bytes. The caller has checked the length.</summary>
    public static SpanId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes));

    /// <summary>16 lower-case hex digits.</summary>
    public override string ToString() => $"{Value:x16}";

    public bool Equals(SpanId other) => Value == other.Value;
    public override bool Equals(object? obj) => obj is SpanId other && Equals(other);
    public override int GetHashCode() => Value.GetHashCode();
    public static bool operator ==(SpanId left, SpanId right) => left.Equals(right);
    public static bool operator !=(SpanId left, SpanId right) => !left.Equals(right);
}
