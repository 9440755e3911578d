using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp;

// A span and what lies in it: events, links, the status.
public static partial class OtlpTraceReader
{
    private static bool ReadSpan<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        sink.BeginSpan();
        SpanFields fields = default;
        fields.MessageOffset = origin;
        fields.MessageLength = message.Length;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case SpanTag.Attributes:
                    read = reader.TryReadBytes(out var attribute);
                    if (read && !ReadAttribute(attribute, reader.Offset - attribute.Length, ref sink, ref error)) return false;
                    break;
                case SpanTag.Events:
                    read = reader.TryReadBytes(out var spanEvent);
                    if (read && !ReadEvent(spanEvent, reader.Offset - spanEvent.Length, ref sink, ref error)) return false;
                    break;
                case SpanTag.Links:
                    read = reader.TryReadBytes(out var link);
                    if (read && !ReadLink(link, reader.Offset - link.Length, ref sink, ref error)) return false;
                    break;
                case SpanTag.Status:
                    read = reader.TryReadBytes(out var status);
                    if (read && !ReadStatus(status, reader.Offset - status.Length, ref fields, ref error)) return false;
                    break;
                default:
                    read = ReadSingleField(ref reader, tag, ref fields);
                    break;
            }

            if (!read) break;
        }

        if (!Conclude(reader, ref error)) return false;
        sink.EndSpan(fields);
        return true;
    }

    private static bool ReadSingleField(ref ProtobufReader reader, uint tag, ref SpanFields fields)
    {
        switch (tag)
        {
            case SpanTag.TraceId:
                return reader.TryReadBytes(out fields.TraceId);
            case SpanTag.SpanId:
                return reader.TryReadBytes(out fields.SpanId);
            case SpanTag.TraceState:
                return reader.TryReadBytes(out fields.TraceState);
            case SpanTag.ParentSpanId:
                return reader.TryReadBytes(out fields.ParentSpanId);
            case SpanTag.Name:
                return reader.TryReadBytes(out fields.Name);
            case SpanTag.Kind:
                if (!reader.TryReadVarint32(out var kind)) return false;
                fields.Kind = (int)kind;
                return true;
            case SpanTag.StartTimeUnixNano:
                return reader.TryReadFixed64(out fields.StartTimeUnixNano);
            case SpanTag.EndTimeUnixNano:
                return reader.TryReadFixed64(out fields.EndTimeUnixNano);
            case SpanTag.DroppedAttributesCount:
                return reader.TryReadVarint32(out fields.DroppedAttributesCount);
            case SpanTag.DroppedEventsCount:
                return reader.TryReadVarint32(out fields.DroppedEventsCount);
            case SpanTag.DroppedLinksCount:
                return reader.TryReadVarint32(out fields.DroppedLinksCount);
            case SpanTag.Flags:
                return reader.TryReadFixed32(out fields.Flags);
            default:
                return StepOver(ref reader, tag, SpanTag.Knows(tag));
        }
    }

    private static bool ReadEvent<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        sink.BeginEvent();
        EventFields fields = default;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case EventTag.TimeUnixNano:
                    read = reader.TryReadFixed64(out fields.TimeUnixNano);
                    break;
                case EventTag.Name:
                    read = reader.TryReadBytes(out fields.Name);
                    break;
                case EventTag.Attributes:
                    read = reader.TryReadBytes(out var attribute);
                    if (read && !ReadAttribute(attribute, reader.Offset - attribute.Length, ref sink, ref error)) return false;
                    break;
                case EventTag.DroppedAttributesCount:
                    read = reader.TryReadVarint32(out fields.DroppedAttributesCount);
                    break;
                default:
                    read = StepOver(ref reader, tag, EventTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        if (!Conclude(reader, ref error)) return false;
        sink.EndEvent(fields);
        return true;
    }

    private static bool ReadLink<TSink>(ReadOnlySpan<byte> message, int origin, ref TSink sink, scoped ref OtlpError error)
        where TSink : struct, IOtlpTraceSink, allows ref struct
    {
        sink.BeginLink();
        LinkFields fields = default;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case LinkTag.TraceId:
                    read = reader.TryReadBytes(out fields.TraceId);
                    break;
                case LinkTag.SpanId:
                    read = reader.TryReadBytes(out fields.SpanId);
                    break;
                case LinkTag.TraceState:
                    read = reader.TryReadBytes(out fields.TraceState);
                    break;
                case LinkTag.Attributes:
                    read = reader.TryReadBytes(out var attribute);
                    if (read && !ReadAttribute(attribute, reader.Offset - attribute.Length, ref sink, ref error)) return false;
                    break;
                case LinkTag.DroppedAttributesCount:
                    read = reader.TryReadVarint32(out fields.DroppedAttributesCount);
                    break;
                case LinkTag.Flags:
                    read = reader.TryReadFixed32(out fields.Flags);
                    break;
                default:
                    read = StepOver(ref reader, tag, LinkTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        if (!Conclude(reader, ref error)) return false;
        sink.EndLink(fields);
        return true;
    }

    /// <summary>Merges into what an earlier Status of the same span has set, so a repeated one needs no copy.</summary>
    private static bool ReadStatus(ReadOnlySpan<byte> message, int origin, ref SpanFields fields, scoped ref OtlpError error)
    {
        fields.HasStatus = true;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case StatusTag.Message:
                    read = reader.TryReadBytes(out fields.StatusMessage);
                    break;
                case StatusTag.Code:
                    read = reader.TryReadVarint32(out var code);
                    fields.StatusCode = (int)code;
                    break;
                default:
                    read = StepOver(ref reader, tag, StatusTag.Knows(tag));
                    break;
            }

            if (!read) break;
        }

        return Conclude(reader, ref error);
    }
}
