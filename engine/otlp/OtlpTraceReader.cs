using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Values;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp;

/// <summary>
/// Pushes the content of an OTLP <c>ExportTraceServiceRequest</c> (also called <c>TracesData</c>) into a sink, straight
/// from the bytes: no objects, no copies.
/// <para>
/// Protobuf lets fields come in any order, but the sink wants a resource before its scopes and a scope before its spans.
/// So on those two levels the reader first steps over the fields from length to length to find the resource or the scope,
/// and only then reads: a few nanoseconds a span, and the bytes of the spans are walked once.
/// </para>
/// The whole request is checked while it is walked, unless the sink declines a resource or scope; text is passed on
/// without regard to UTF-8, ids without regard to their length.
/// </summary>
public static partial class OtlpTraceReader
{
    /// <summary>Deepest nesting of attribute values that is read; 1 is the value of the attribute itself.</summary>
    public const int MaxValueDepth = 32;

    /// <summary>
    /// Reads one request. False if it is malformed: <paramref name="error"/> says what and where, and the sink has seen
    /// what stands before that place. An empty request is a sound one.
    /// </summary>
    public static bool TryRead<TSink>(ReadOnlySpan<byte> request, ref TSink sink, out OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        error = default;
        var reader = new ProtobufReader(request);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == TracesDataTag.ResourceSpans)
            {
                if (!reader.TryReadBytes(out var message)) break;
                if (!ReadResourceSpans(message, reader.Offset - message.Length, ref sink, ref error)) return false;
            }
            else if (!StepOver(ref reader, tag, TracesDataTag.Knows(tag)))
            {
                break;
            }
        }

        return Conclude(reader, ref error);
    }

    private static bool ReadResourceSpans<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        if (!TryLocate(message, origin, ResourceSpansTag.Resource, out var resource, ref error)) return false;
        if (resource.Count > 1 && !CheckEach<ResourceCheck>(message, origin, ResourceSpansTag.Resource, ref error)) return false;
        if (!ReadResource(resource.Message, resource.Origin, ref sink, ref error)) return false;

        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case ResourceSpansTag.ScopeSpans:
                    read = reader.TryReadBytes(out var scopeSpans);
                    if (read && !ReadScopeSpans(scopeSpans, reader.Offset - scopeSpans.Length, ref sink, ref error)) return false;
                    break;
                case ResourceSpansTag.Resource:
                case ResourceSpansTag.SchemaUrl:
                    read = reader.TryReadBytes(out _);
                    break;
                default:
                    read = StepOver(ref reader, tag, ResourceSpansTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        return Conclude(reader, ref error);
    }

    private static bool ReadScopeSpans<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        if (!TryLocate(message, origin, ScopeSpansTag.Scope, out var scope, ref error)) return false;
        if (scope.Count > 1 && !CheckEach<ScopeCheck>(message, origin, ScopeSpansTag.Scope, ref error)) return false;
        if (!ReadScope(scope.Message, scope.Origin, ref sink, ref error)) return false;

        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case ScopeSpansTag.Spans:
                    read = reader.TryReadBytes(out var span);
                    if (read && !ReadSpan(span, reader.Offset - span.Length, ref sink, ref error)) return false;
                    break;
                case ScopeSpansTag.Scope:
                case ScopeSpansTag.SchemaUrl:
                    read = reader.TryReadBytes(out _);
                    break;
                default:
                    read = StepOver(ref reader, tag, ScopeSpansTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        return Conclude(reader, ref error);
    }

    private static bool ReadResource<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        var wantsAttributes = sink.BeginResource(message);
        var droppedAttributesCount = 0u;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case ResourceTag.Attributes:
                    read = reader.TryReadBytes(out var attribute);
                    if (!read || !wantsAttributes) break;
                    if (!ReadAttribute(attribute, reader.Offset - attribute.Length, ref sink, ref error)) return false;
                    break;
                case ResourceTag.DroppedAttributesCount:
                    read = reader.TryReadVarint32(out droppedAttributesCount);
                    break;
                default:
                    read = StepOver(ref reader, tag, ResourceTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        if (!Conclude(reader, ref error)) return false;
        sink.EndResource(droppedAttributesCount);
        return true;
    }

    private static bool ReadScope<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        var wantsAttributes = sink.BeginScope(message);
        ReadOnlySpan<byte> name = default;
        ReadOnlySpan<byte> version = default;
        var droppedAttributesCount = 0u;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case InstrumentationScopeTag.Name:
                    read = reader.TryReadBytes(out name);
                    break;
                case InstrumentationScopeTag.Version:
                    read = reader.TryReadBytes(out version);
                    break;
                case InstrumentationScopeTag.Attributes:
                    read = reader.TryReadBytes(out var attribute);
                    if (!read || !wantsAttributes) break;
                    if (!ReadAttribute(attribute, reader.Offset - attribute.Length, ref sink, ref error)) return false;
                    break;
                case InstrumentationScopeTag.DroppedAttributesCount:
                    read = reader.TryReadVarint32(out droppedAttributesCount);
                    break;
                default:
                    read = StepOver(ref reader, tag, InstrumentationScopeTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        if (!Conclude(reader, ref error)) return false;
        sink.EndScope(name, version, droppedAttributesCount);
        return true;
    }

    private static bool ReadAttribute<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        if (!KeyValueReader.TryReadCommonShape(message, out var key, out var value)
            && !KeyValueReader.TryRead(message, origin, out key, out value, ref error)) return false;
        sink.Attribute(key, value);
        return true;
    }

    /// <summary>A field the caller does not read: unknown and skipped, or known and then of the wrong wire type.</summary>
    private static bool StepOver(ref ProtobufReader reader, uint tag, bool isKnown) =>
        isKnown ? reader.FailWireType(tag) : reader.TrySkip(tag);

    private static bool Conclude(in ProtobufReader reader, scoped ref OtlpError error)
    {
        if (!reader.HasFailed) return true;
        error = reader.Error;
        return false;
    }
}
