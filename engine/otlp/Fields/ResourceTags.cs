using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Fields;

// Tags of https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/resource/v1/resource.proto

/// <summary>Resource. Number 3 (entity references) is skipped as unknown.</summary>
public static class ResourceTag
{
    public const uint Attributes = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedAttributesCount = (2 << WireType.NumberShift) | WireType.Varint;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 1;
}
