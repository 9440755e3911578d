namespace Tempo.Engine.Otlp;

/// <summary>
/// Receives the pieces of one OTLP <c>ExportTraceServiceRequest</c> from <see cref="OtlpTraceReader"/>. Implement it as a
/// struct (or ref struct): the reader is generic over it, so the calls are direct and can be inlined.
/// <para>Guarantees of the reader, whatever order the fields have on the wire:</para>
/// <list type="bullet">
/// <item>Per ResourceSpans: one <see cref="BeginResource"/>, its attributes if asked for, <see cref="EndResource"/>, then its
/// scopes.</item>
/// <item>Per ScopeSpans: one <see cref="BeginScope"/>, its attributes if asked for, <see cref="EndScope"/>, then its spans.</item>
/// <item>Per Span: <see cref="BeginSpan"/>; attributes, events and links in wire order; <see cref="EndSpan"/> with the single fields (the
/// last one on the wire wins).</item>
/// <item>An absent resource or scope is announced all the same, with an empty message.</item>
/// <item>All spans of memory point into the request and live as long as it does.</item>
/// </list>
/// A resource, scope, event or link that stands several times where one may stand is merged as protobuf says (its
/// bytes one after the other); only then is the memory a scratch copy.
/// </summary>
public interface IOtlpTraceSink
{
    /// <summary>
    /// A resource starts; <paramref name="message"/> is its whole wire message, which can serve as a key. True: push its
    /// attributes. False: they are skipped (and not validated: only for bytes that a validating pass has accepted).
    /// </summary>
    bool BeginResource(ReadOnlySpan<byte> message);

    void EndResource(uint droppedAttributesCount);

    /// <summary>A scope starts; the result means what it means in <see cref="BeginResource"/>.</summary>
    bool BeginScope(ReadOnlySpan<byte> message);

    void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount);

    void BeginSpan();

    void EndSpan(in SpanFields fields);

    void BeginEvent();

    void EndEvent(in EventFields fields);

    void BeginLink();

    void EndLink(in LinkFields fields);

    /// <summary>
    /// An attribute of whatever was begun last and not yet ended. A KeyValue without a value has <see cref="AnyValueKind.Null"/>.
    /// </summary>
    void Attribute(ReadOnlySpan<byte> key, in AnyValueView value);
}

/// <summary>The single fields of a Span message (opentelemetry/proto/trace/v1/trace.proto, v1.x).</summary>
public ref struct SpanFields
{
    /// <summary>As sent, any length: the sink judges. Empty if absent.</summary>
    public ReadOnlySpan<byte> TraceId;
    public ReadOnlySpan<byte> SpanId;
    public ReadOnlySpan<byte> ParentSpanId;
    public ReadOnlySpan<byte> TraceState;
    public ReadOnlySpan<byte> Name;
    public ReadOnlySpan<byte> StatusMessage;
    public ulong StartTimeUnixNano;
    public ulong EndTimeUnixNano;

    /// <summary>SpanKind as sent; 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer, others unknown.</summary>
    public int Kind;

    /// <summary>StatusCode as sent; 0 unset, 1 ok, 2 error.</summary>
    public int StatusCode;

    /// <summary>A Status message was present, if only an empty one.</summary>
    public bool HasStatus;
    public uint DroppedAttributesCount;
    public uint DroppedEventsCount;
    public uint DroppedLinksCount;
    public uint Flags;

    /// <summary>Where the Span message lies in the request, and its size in bytes.</summary>
    public int MessageOffset;
    public int MessageLength;
}

/// <summary>The single fields of a Span.Event.</summary>
public ref struct EventFields
{
    public ulong TimeUnixNano;
    public ReadOnlySpan<byte> Name;
    public uint DroppedAttributesCount;
}

/// <summary>The single fields of a Span.Link.</summary>
public ref struct LinkFields
{
    public ReadOnlySpan<byte> TraceId;
    public ReadOnlySpan<byte> SpanId;
    public ReadOnlySpan<byte> TraceState;
    public uint DroppedAttributesCount;
    public uint Flags;
}

/// <summary>What an AnyValue holds.</summary>
public enum AnyValueKind : byte
{
    /// <summary>No oneof member is set.</summary>
    Null = 0,
    String,
    Bool,
    Int,
    Double,
    Array,
    KeyValueList,
    Bytes,

    /// <summary>Nested deeper than <see cref="OtlpTraceReader.MaxValueDepth"/>; the content is not looked at.</summary>
    TooDeep,
}

/// <summary>One AnyValue, undecoded beyond its first level.</summary>
public readonly ref struct AnyValueView
{
    public AnyValueView(AnyValueKind kind, long bits, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> message)
    {
        Kind = kind;
        Bits = bits;
        Bytes = bytes;
        Message = message;
    }

    public AnyValueKind Kind { get; }

    /// <summary>Bool (0, 1), Int, or Double (its IEEE bits).</summary>
    public long Bits { get; }

    /// <summary>String: the text as sent (it may not be UTF-8). Bytes: the content. Array and KeyValueList: the inner message.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>The whole AnyValue message.</summary>
    public ReadOnlySpan<byte> Message { get; }
}
