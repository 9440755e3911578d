using Tempo.Engine.Foundation;

namespace Tempo.Engine.Otlp;

/// <summary>
/// The sink that only counts: what admission wants to know of a request before it takes it. Reading a request into it
/// checks every byte.
/// </summary>
public struct OtlpRequestSummary : IOtlpTraceSink
{
    public int ResourceCount { get; private set; }
    public int ScopeCount { get; private set; }
    public int SpanCount { get; private set; }
    public int EventCount { get; private set; }
    public int LinkCount { get; private set; }

    /// <summary>Attributes of resources, scopes, spans, events and links together.</summary>
    public int AttributeCount { get; private set; }

    /// <summary>Attributes, events and links: what takes memory, whatever its bytes.</summary>
    public readonly long EntryCount => (long)AttributeCount + EventCount + LinkCount;

    /// <summary>Attributes among them that are nested too deep.</summary>
    public int TooDeepAttributeCount { get; private set; }

    /// <summary>Spans whose trace id is not 16 bytes or all zero; <see cref="InvalidSpanIdCount"/> leaves them out.</summary>
    public int InvalidTraceIdCount { get; private set; }

    /// <summary>
    /// Spans with a good trace id whose span id is not 8 bytes or all zero, or whose parent id is neither empty nor 8 bytes.
    /// </summary>
    public int InvalidSpanIdCount { get; private set; }

    /// <summary>Links whose trace id is not 16 bytes or whose span id is not 8. They are kept, with zeros in its place.</summary>
    public int InvalidLinkIdCount { get; private set; }

    public readonly int InvalidSpanCount => InvalidTraceIdCount + InvalidSpanIdCount;

    /// <summary>Trace id of 16 bytes, not all zero.</summary>
    public static bool HasValidTraceId(in SpanFields span) =>
        span.TraceId.Length == TraceId.SizeBytes && span.TraceId.ContainsAnyExcept((byte)0);

    /// <summary>Span id of 8 bytes, not all zero; parent id of 8 bytes or none.</summary>
    public static bool HasValidSpanId(in SpanFields span) =>
        span.SpanId.Length == SpanId.SizeBytes && span.SpanId.ContainsAnyExcept((byte)0)
            && span.ParentSpanId.Length is 0 or SpanId.SizeBytes;

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        ResourceCount++;
        return true;
    }

    public readonly void EndResource(uint droppedAttributesCount)
    {
    }

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        ScopeCount++;
        return true;
    }

    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
    }

    public void BeginSpan() => SpanCount++;

    public void EndSpan(in SpanFields fields)
    {
        if (!HasValidTraceId(fields)) InvalidTraceIdCount++;
        else if (!HasValidSpanId(fields)) InvalidSpanIdCount++;
    }

    public void BeginEvent() => EventCount++;

    public readonly void EndEvent(in EventFields fields)
    {
    }

    public void BeginLink() => LinkCount++;

    public void EndLink(in LinkFields fields)
    {
        if (fields.TraceId.Length != TraceId.SizeBytes || fields.SpanId.Length != SpanId.SizeBytes) InvalidLinkIdCount++;
    }

    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        AttributeCount++;
        if (value.Kind == AnyValueKind.TooDeep) TooDeepAttributeCount++;
    }
}
