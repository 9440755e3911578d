using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign.Jaeger;

/// <summary>
/// https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/model.proto and collector.proto:
/// <code>
/// PostSpansRequest { Batch batch = 1; }                Batch { repeated Span spans = 1; Process process = 2; }
/// Process  { string service_name = 1; repeated KeyValue tags = 2; }
/// Span     { bytes trace_id = 1; bytes span_id = 2; string operation_name = 3; repeated SpanRef references = 4; uint32 flags = 5;
///            Timestamp start_time = 6; Duration duration = 7; repeated KeyValue tags = 8; repeated Log logs = 9; Process process = 10;
///            string process_id = 11; repeated string warnings = 12; }
/// SpanRef  { bytes trace_id = 1; bytes span_id = 2; SpanRefType ref_type = 3; }
/// Log      { Timestamp timestamp = 1; repeated KeyValue fields = 2; }
/// KeyValue { string key = 1; ValueType v_type = 2; string v_str = 3; bool v_bool = 4; int64 v_int64 = 5; double v_float64 = 6;
///            bytes v_binary = 7; }                     ValueType: 0 text, 1 bool, 2 int64, 3 float64, 4 bytes
/// Timestamp, Duration { int64 seconds = 1; int32 nanos = 2; }
/// </code>
/// A span's own process stands above that of the batch.
/// </summary>
internal static class JaegerProtobuf
{
    private const uint Bytes = WireType.LengthDelimited;
    private const uint One = 1 << 3 | Bytes, Two = 2 << 3 | Bytes, Three = 3 << 3 | Bytes, Four = 4 << 3 | Bytes, Six = 6 << 3 | Bytes,
        Seven = 7 << 3 | Bytes;
    private const uint Tags = 8 << 3 | Bytes, Logs = 9 << 3 | Bytes, Process = 10 << 3 | Bytes;
    private const uint Number1 = 1 << 3 | WireType.Varint, Number2 = 2 << 3 | WireType.Varint, Number3 = 3 << 3 | WireType.Varint;
    private const uint Bool4 = 4 << 3 | WireType.Varint, Int5 = 5 << 3 | WireType.Varint, Double6 = 6 << 3 | WireType.Fixed64;

    /// <summary>Empty, or what is wrong.</summary>
    public static string Read(ReadOnlySpan<byte> message, NativeBuffer output)
    {
        using var batch = new OtlpBatchWriter(output, message.Length);
        using var writer = new JaegerSpanWriter(batch);
        using var resource = new NativeBuffer();
        using var own = new NativeBuffer();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != One)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            if (ReadBatch(content, reader.Offset - content.Length, writer, resource, own) is { Length: > 0 } error) return error;
        }

        batch.Complete();
        return reader.HasFailed ? reader.Error.Message : "";
    }

    private static string ReadBatch(
        ReadOnlySpan<byte> message, int origin, JaegerSpanWriter writer, NativeBuffer resource, NativeBuffer own)
    {
        resource.Clear();
        var ahead = new ProtobufReader(message, origin);
        while (ahead.TryReadTag(out var tag))
        {
            if (!ahead.TryReadField(tag, Two, out var process)) break;
            if (tag == Two && ReadProcess(process, ahead.Offset - process.Length, resource) is { Length: > 0 } error) return error;
        }

        if (ahead.HasFailed) return ahead.Error.Message;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (!reader.TryReadField(tag, One, out var span)) break;
            if (tag != One) continue;
            writer.Begin();
            if (ReadSpan(span, reader.Offset - span.Length, writer, resource.Written, own) is { Length: > 0 } error) return error;
        }

        return reader.HasFailed ? reader.Error.Message : "";
    }

    // The content if the tag is the wanted one; any other field is stepped over.
    private static bool TryReadField(ref this ProtobufReader reader, uint tag, uint wanted, out ReadOnlySpan<byte> content)
    {
        content = default;
        return tag == wanted ? reader.TryReadBytes(out content) : reader.TrySkip(tag);
    }

    private static string ReadProcess(ReadOnlySpan<byte> message, int origin, NativeBuffer resource)
    {
        using var writer = new OtlpBatchWriter(resource);
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (tag is not (One or Two))
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            if (tag == One)
            {
                if (!content.IsEmpty) writer.Attribute(ResourceTag.Attributes, "service.name"u8, content);
                continue;
            }

            if (ReadTag(content, reader.Offset - content.Length, out var attribute) is { Length: > 0 } error) return error;
            JaegerSpanWriter.Attribute(writer, ResourceTag.Attributes, attribute);
        }

        return reader.HasFailed ? reader.Error.Message : "";
    }

    private static string ReadSpan(
        ReadOnlySpan<byte> message, int origin, JaegerSpanWriter writer, ReadOnlySpan<byte> resource, NativeBuffer own)
    {
        TraceId trace = default;
        ulong span = 0, start = 0, duration = 0;
        var hasOwn = false;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (tag is not (One or Two or Three or Four or Six or Seven or Tags or Logs or Process))
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            var at = reader.Offset - content.Length;
            var error = "";
            switch (tag)
            {
                case One: error = ReadTraceId(content, out trace); break;
                case Two: error = ReadSpanId(content, out span); break;
                case Three: writer.Name(content); break;
                case Four: error = ReadReference(content, at, writer); break;
                case Six: error = ReadTime(content, at, out start); break;
                case Seven: error = ReadTime(content, at, out duration); break;
                case Tags:
                    error = ReadTag(content, at, out var attribute);
                    if (error.Length == 0) writer.Tag(attribute);
                    break;
                case Logs: error = ReadLog(content, at, writer); break;
                default:
                    own.Clear();
                    hasOwn = true;
                    error = ReadProcess(content, at, own);
                    break;
            }

            if (error.Length > 0) return error;
        }

        if (reader.HasFailed) return reader.Error.Message;
        writer.Ids(trace, span, 0);
        return writer.End(start, duration, hasOwn ? own.Written : resource);
    }

    private static string ReadReference(ReadOnlySpan<byte> message, int origin, JaegerSpanWriter writer)
    {
        TraceId trace = default;
        ulong span = 0;
        var type = 0u;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == Number3)
            {
                if (!reader.TryReadVarint32(out type)) break;
                continue;
            }

            if (tag is not (One or Two))
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            if ((tag == One ? ReadTraceId(content, out trace) : ReadSpanId(content, out span)) is { Length: > 0 } error) return error;
        }

        if (reader.HasFailed) return reader.Error.Message;
        writer.Reference((int)type, trace, span);
        return "";
    }

    private static string ReadLog(ReadOnlySpan<byte> message, int origin, JaegerSpanWriter writer)
    {
        var mark = writer.BeginEvent();
        ulong time = 0;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            if (tag is not (One or Two))
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            var at = reader.Offset - content.Length;
            if (tag == One)
            {
                if (ReadTime(content, at, out time) is { Length: > 0 } wrong) return wrong;
                continue;
            }

            if (ReadTag(content, at, out var field) is { Length: > 0 } error) return error;
            writer.EventField(field);
        }

        if (reader.HasFailed) return reader.Error.Message;
        writer.EndEvent(mark, time);
        return "";
    }

    private static string ReadTag(ReadOnlySpan<byte> message, int origin, out JaegerTag result)
    {
        result = default;
        ReadOnlySpan<byte> text = default, bytes = default;
        var type = 0u;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case One: read = reader.TryReadBytes(out result.Key); break;
                case Number2: read = reader.TryReadVarint32(out type); break;
                case Three: read = reader.TryReadBytes(out text); break;
                case Bool4:
                    read = reader.TryReadVarint(out var flag);
                    result.Flag = flag != 0;
                    break;
                case Int5:
                    read = reader.TryReadVarint(out var whole);
                    result.Whole = (long)whole;
                    break;
                case Double6:
                    read = reader.TryReadFixed64(out var real);
                    result.Real = BitConverter.UInt64BitsToDouble(real);
                    break;
                case Seven: read = reader.TryReadBytes(out bytes); break;
                default: read = reader.TrySkip(tag); break;
            }

            if (!read) break;
        }

        result.Type = type switch
        {
            1 => JaegerType.Bool,
            2 => JaegerType.Long,
            3 => JaegerType.Double,
            4 => JaegerType.Binary,
            _ => JaegerType.Text,
        };
        result.Bytes = result.Type == JaegerType.Binary ? bytes : text;
        return reader.HasFailed ? reader.Error.Message : "";
    }

    private static string ReadTime(ReadOnlySpan<byte> message, int origin, out ulong nanos)
    {
        ulong seconds = 0, rest = 0;
        nanos = 0;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            var read = tag switch
            {
                Number1 => reader.TryReadVarint(out seconds),
                Number2 => reader.TryReadVarint(out rest),
                _ => reader.TrySkip(tag),
            };
            if (!read) return reader.Error.Message;
        }

        if (reader.HasFailed) return reader.Error.Message;

        // Before 1970, or negative durations: 0. Beyond 64 bits of nanoseconds (the year 2554): the last moment there is.
        var total = (Int128)(long)seconds * 1_000_000_000 + (int)rest;
        nanos = total <= 0 ? 0 : total > ulong.MaxValue ? ulong.MaxValue : (ulong)total;
        return "";
    }

    // An absent id stays zero and is judged with all others.
    private static string ReadTraceId(ReadOnlySpan<byte> content, out TraceId id)
    {
        id = content.Length switch
        {
            16 => TraceId.Read(content),
            8 => new TraceId(0, BinaryPrimitives.ReadUInt64BigEndian(content)),
            _ => default,
        };
        return content.Length is 0 or 8 or 16 ? "" : $"trace_id of {content.Length} bytes, 8 or 16 are expected";
    }

    private static string ReadSpanId(ReadOnlySpan<byte> content, out ulong id)
    {
        id = content.Length == 8 ? BinaryPrimitives.ReadUInt64BigEndian(content) : 0;
        return content.Length is 0 or 8 ? "" : $"span_id of {content.Length} bytes, 8 are expected";
    }
}
