namespace Tempo.Engine.Otlp.Wire;

/// <summary>
/// How a protobuf field is laid out: the low three bits of its tag
/// (https://protobuf.dev/programming-guides/encoding/#structure).
/// </summary>
public static class WireType
{
    public const uint Varint = 0;
    public const uint Fixed64 = 1;
    public const uint LengthDelimited = 2;
    public const uint StartGroup = 3;
    public const uint EndGroup = 4;
    public const uint Fixed32 = 5;

    /// <summary>A tag is <c>number &lt;&lt; NumberShift | wire type</c>.</summary>
    public const int NumberShift = 3;

    /// <summary>The bits of a tag that hold the wire type.</summary>
    public const uint Mask = 7;

    /// <summary>Largest field number that protobuf allows (2^29 - 1), which is also the largest that fits a 32-bit tag.</summary>
    public const uint MaxFieldNumber = (1 << 29) - 1;
}
