using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>
/// https://github.com/openzipkin/zipkin-api/blob/master/zipkin.proto:
/// <code>
/// ListOfSpans { repeated Span spans = 1; }
/// Span        { bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; Kind kind = 4; string name = 5; fixed64 timestamp = 6;
///               uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9; repeated Annotation annotations = 10;
///               map&lt;string, string&gt; tags = 11; bool debug = 12; bool shared = 13; }
/// Endpoint    { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
/// Annotation  { fixed64 timestamp = 1; string value = 2; }
/// </code>
/// </summary>
internal static class ZipkinProtobuf
{
    private const uint Bytes = WireType.LengthDelimited;
    private const uint Spans = 1 << 3 | Bytes;
    private const uint TraceIdTag = 1 << 3 | Bytes, ParentIdTag = 2 << 3 | Bytes, IdTag = 3 << 3 | Bytes, Kind = 4 << 3 | WireType.Varint;
    private const uint Name = 5 << 3 | Bytes, Timestamp = 6 << 3 | WireType.Fixed64, Duration = 7 << 3 | WireType.Varint;
    private const uint Local = 8 << 3 | Bytes, Remote = 9 << 3 | Bytes, Annotations = 10 << 3 | Bytes, Tags = 11 << 3 | Bytes;
    private const uint ServiceName = 1 << 3 | Bytes, Ipv4 = 2 << 3 | Bytes, Ipv6 = 3 << 3 | Bytes, Port = 4 << 3 | WireType.Varint;
    private const uint AnnotationTime = 1 << 3 | WireType.Fixed64, AnnotationValue = 2 << 3 | Bytes;
    private const uint Key = 1 << 3 | Bytes, Value = 2 << 3 | Bytes;

    /// <summary>Empty, or what is wrong.</summary>
    public static string Read(ReadOnlySpan<byte> body, ZipkinSpanWriter writer)
    {
        var reader = new ProtobufReader(body);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != Spans)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var span)) break;
            writer.Begin();
            if (ReadSpan(span, reader.Offset - span.Length, writer) is { Length: > 0 } error) return error;
            if (writer.End() is { Length: > 0 } full) return full;
        }

        return reader.HasFailed ? reader.Error.Message : "";
    }

    private static string ReadSpan(ReadOnlySpan<byte> span, int origin, ZipkinSpanWriter writer)
    {
        var reader = new ProtobufReader(span, origin);
        while (reader.TryReadTag(out var tag))
        {
            ReadOnlySpan<byte> bytes;
            ulong number;
            switch (tag)
            {
                case TraceIdTag:
                    if (!reader.TryReadBytes(out bytes)) break;
                    if (bytes.Length is not (8 or 16)) return $"trace_id of {bytes.Length} bytes, 8 or 16 are expected";
                    writer.TraceId(bytes.Length == 16 ? TraceId.Read(bytes) : new TraceId(0, BinaryPrimitives.ReadUInt64BigEndian(bytes)));
                    continue;
                case IdTag or ParentIdTag:
                    if (!reader.TryReadBytes(out bytes)) break;
                    if (bytes.IsEmpty && tag == ParentIdTag) continue;
                    if (bytes.Length != 8) return $"id or parent_id of {bytes.Length} bytes, 8 are expected";
                    if (tag == IdTag) writer.SpanId(BinaryPrimitives.ReadUInt64BigEndian(bytes));
                    else writer.ParentId(BinaryPrimitives.ReadUInt64BigEndian(bytes));
                    continue;
                case Kind:
                    if (!reader.TryReadVarint32(out var kind)) break;
                    writer.Kind(kind);
                    continue;
                case Name:
                    if (!reader.TryReadBytes(out bytes)) break;
                    writer.Name(bytes);
                    continue;
                case Timestamp:
                    if (!reader.TryReadFixed64(out number)) break;
                    writer.Timestamp(number);
                    continue;
                case Duration:
                    if (!reader.TryReadVarint(out number)) break;
                    writer.Duration(number);
                    continue;
                case Local or Remote:
                    if (!reader.TryReadBytes(out bytes)) break;
                    if (ReadEndpoint(bytes, reader.Offset - bytes.Length, out var endpoint) is { Length: > 0 } wrong) return wrong;
                    if (tag == Local) writer.LocalEndpoint(endpoint);
                    else writer.RemoteEndpoint(endpoint);
                    continue;
                case Annotations:
                    if (!reader.TryReadBytes(out bytes)) break;
                    if (ReadAnnotation(bytes, reader.Offset - bytes.Length, writer) is { Length: > 0 } bad) return bad;
                    continue;
                case Tags:
                    if (!reader.TryReadBytes(out bytes)) break;
                    if (ReadTag(bytes, reader.Offset - bytes.Length, writer) is { Length: > 0 } ill) return ill;
                    continue;
                default:
                    if (!reader.TrySkip(tag)) break;
                    continue;
            }

            break;
        }

        return reader.HasFailed ? reader.Error.Message : "";
    }

    private static string ReadEndpoint(ReadOnlySpan<byte> message, int origin, out ZipkinEndpoint endpoint)
    {
        endpoint = default;
        var reader = new ProtobufReader(message, origin);
        while (reader.TryReadTag(out var tag))
        {
            bool read;
            switch (tag)
            {
                case ServiceName: read = reader.TryReadBytes(out endpoint.ServiceName); break;
                case Ipv4: read = reader.TryReadBytes(out endpoint.IpBytes); break;
                case Ipv6:
                    read = reader.TryReadBytes(out var address);
                    if (endpoint.IpBytes.Length != 4) endpoint.IpBytes = address;
                    break;
                case Port:
                    read = reader.TryReadVarint32(out var port);
                    endpoint.Port = (int)port;
                    break;
                default: read = reader.TrySkip(tag); break;
            }

            if (!read) break;
        }

        return reader.HasFailed ? reader.Error.Message : "";
    }

    private static string ReadAnnotation(ReadOnlySpan<byte> message, int origin, ZipkinSpanWriter writer)
    {
        var reader = new ProtobufReader(message, origin);
        ulong time = 0;
        ReadOnlySpan<byte> value = default;
        while (reader.TryReadTag(out var tag))
        {
            var read = tag switch
            {
                AnnotationTime => reader.TryReadFixed64(out time),
                AnnotationValue => reader.TryReadBytes(out value),
                _ => reader.TrySkip(tag),
            };
            if (!read) return reader.Error.Message;
        }

        if (reader.HasFailed) return reader.Error.Message;
        writer.Annotation(time, value);
        return "";
    }

    private static string ReadTag(ReadOnlySpan<byte> message, int origin, ZipkinSpanWriter writer)
    {
        var reader = new ProtobufReader(message, origin);
        ReadOnlySpan<byte> key = default, value = default;
        while (reader.TryReadTag(out var tag))
        {
            var read = tag switch
            {
                Key => reader.TryReadBytes(out key),
                Value => reader.TryReadBytes(out value),
                _ => reader.TrySkip(tag),
            };
            if (!read) return reader.Error.Message;
        }

        if (reader.HasFailed) return reader.Error.Message;
        writer.Tag(key, value);
        return "";
    }
}
