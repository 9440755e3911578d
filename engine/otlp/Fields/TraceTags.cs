using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Fields;

// Tags of https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto

/// <summary>TracesData; ExportTraceServiceRequest has the same fields (collector/trace/v1/trace_service.proto).</summary>
public static class TracesDataTag
{
    public const uint ResourceSpans = (1 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => tag >> WireType.NumberShift == 1;
}

/// <summary>The spans of one resource.</summary>
public static class ResourceSpansTag
{
    public const uint Resource = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint ScopeSpans = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint SchemaUrl = (3 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 2;
}

/// <summary>The spans of one instrumentation scope.</summary>
public static class ScopeSpansTag
{
    public const uint Scope = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Spans = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint SchemaUrl = (3 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 2;
}

/// <summary>One span. Its flags were added last and have the last number, though the file declares them after the parent.</summary>
public static class SpanTag
{
    public const uint TraceId = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint SpanId = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint TraceState = (3 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint ParentSpanId = (4 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Name = (5 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Kind = (6 << WireType.NumberShift) | WireType.Varint;
    public const uint StartTimeUnixNano = (7 << WireType.NumberShift) | WireType.Fixed64;
    public const uint EndTimeUnixNano = (8 << WireType.NumberShift) | WireType.Fixed64;
    public const uint Attributes = (9 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedAttributesCount = (10 << WireType.NumberShift) | WireType.Varint;
    public const uint Events = (11 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedEventsCount = (12 << WireType.NumberShift) | WireType.Varint;
    public const uint Links = (13 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedLinksCount = (14 << WireType.NumberShift) | WireType.Varint;
    public const uint Status = (15 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Flags = (16 << WireType.NumberShift) | WireType.Fixed32;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 15;
}

/// <summary>Span.Event.</summary>
public static class EventTag
{
    public const uint TimeUnixNano = (1 << WireType.NumberShift) | WireType.Fixed64;
    public const uint Name = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Attributes = (3 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedAttributesCount = (4 << WireType.NumberShift) | WireType.Varint;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 3;
}

/// <summary>Span.Link.</summary>
public static class LinkTag
{
    public const uint TraceId = (1 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint SpanId = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint TraceState = (3 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Attributes = (4 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint DroppedAttributesCount = (5 << WireType.NumberShift) | WireType.Varint;
    public const uint Flags = (6 << WireType.NumberShift) | WireType.Fixed32;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 1 <= 5;
}

/// <summary>Status. Number 1 was once an older code and is reserved, so it is skipped as unknown.</summary>
public static class StatusTag
{
    public const uint Message = (2 << WireType.NumberShift) | WireType.LengthDelimited;
    public const uint Code = (3 << WireType.NumberShift) | WireType.Varint;

    /// <summary>Is this a field of ours, whatever wire type the tag names?</summary>
    internal static bool Knows(uint tag) => (tag >> WireType.NumberShift) - 2 <= 1;
}
