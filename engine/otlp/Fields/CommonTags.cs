using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Fields;

// Tags of https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/common/v1/common.proto

/// <summary>AnyValue: one of these, or none. Number 8 (a string table index, for profiles only) is skipped as unknown.</summary>
public static class AnyValueTag
{
    public const uint StringValue = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint BoolValue = (2 << WireType.NumberShift) | WireType.Varint;
    public const uint IntValue = (3 << WireType.NumberShift) | WireType.Varint;
    public const uint DoubleValue = (4 << WireType.NumberShift) | WireType.Fixed64;
    public const uint ArrayValue = (5 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint KeyValueListValue = (6 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint BytesValue = (7 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 6;
}

/// <summary>ArrayValue.</summary>
public static class ArrayValueTag
{
    public const uint Values = (1 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => tag >> WireType.NumberShift == 1;
}

/// <summary>KeyValueList.</summary>
public static class KeyValueListTag
{
    public const uint Values = (1 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => tag >> WireType.NumberShift == 1;
}

/// <summary>KeyValue. Number 3 (a string table index, for profiles only) is skipped as unknown.</summary>
public static class KeyValueTag
{
    public const uint Key = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Value = (2 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 1;
}

/// <summary>InstrumentationScope.</summary>
public static class InstrumentationScopeTag
{
    public const uint Name = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Version = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Attributes = (3 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedAttributesCount = (4 << WireType.NumberShift) | WireType.Varint;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 3;
}
