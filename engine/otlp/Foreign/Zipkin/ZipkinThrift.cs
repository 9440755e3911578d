using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Thrift;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>
/// https://github.com/openzipkin/zipkin-api/blob/master/thrift/zipkinCore.thrift, a list of Span in the binary protocol:
/// <code>
/// Span             { 1: i64 trace_id  3: string name  4: i64 id  5: i64 parent_id  6: list annotations  8: list binary_annotations
///                    9: bool debug  10: i64 timestamp  11: i64 duration  12: i64 trace_id_high }
/// Annotation       { 1: i64 timestamp  2: string value  3: Endpoint host }
/// BinaryAnnotation { 1: string key  2: binary value  3: i32 type  4: Endpoint host }
/// Endpoint         { 1: i32 ipv4  2: i16 port  3: string service_name  4: binary ipv6 }
/// </code>
/// A binary annotation's type: 0 bool, 1 bytes, 2 i16, 3 i32, 4 i64, 5 double, 6 text; its numbers are big-endian.
/// </summary>
internal static class ZipkinThrift
{
    // Levels around what is skipped: list, span, list, annotation, endpoint.
    private const int SpanDepth = 2, AnnotationDepth = 4, EndpointDepth = 5;

    /// <summary>Empty, or what is wrong.</summary>
    public static string Read(ReadOnlySpan<byte> body, ZipkinSpanWriter writer)
    {
        var reader = new ThriftReader(body, isCompact: false);
        if (!reader.TryReadList(out var type, out var count)) return reader.Error;
        if (count > 0 && type != ThriftType.Struct) return "a list of spans is expected";
        for (var i = 0; i < count; i++)
        {
            writer.Begin();
            if (!ReadSpan(ref reader, writer)) return reader.Error;
            if (writer.End() is { Length: > 0 } full) return full;
        }

        return "";
    }

    private static bool ReadSpan(ref ThriftReader reader, ZipkinSpanWriter writer)
    {
        long low = 0, high = 0, number;
        ReadOnlySpan<byte> text;
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            switch (id, type)
            {
                case (1, ThriftType.I64):
                    if (!reader.TryReadInteger(type, out low)) return false;
                    break;
                case (12, ThriftType.I64):
                    if (!reader.TryReadInteger(type, out high)) return false;
                    break;
                case (3, ThriftType.Binary):
                    if (!reader.TryReadBinary(out text)) return false;
                    writer.Name(text);
                    break;
                case (4, ThriftType.I64):
                    if (!reader.TryReadInteger(type, out number)) return false;
                    writer.SpanId((ulong)number);
                    break;
                case (5, ThriftType.I64):
                    if (!reader.TryReadInteger(type, out number)) return false;
                    writer.ParentId((ulong)number);
                    break;
                case (10, ThriftType.I64):
                    if (!reader.TryReadInteger(type, out number)) return false;
                    writer.Timestamp((ulong)Math.Max(0, number));
                    break;
                case (11, ThriftType.I64):
                    if (!reader.TryReadInteger(type, out number)) return false;
                    writer.Duration((ulong)Math.Max(0, number));
                    break;
                case (6 or 8, ThriftType.List):
                    if (!ReadAnnotations(ref reader, isBinary: id == 8, writer)) return false;
                    break;
                default:
                    if (!reader.TrySkip(type, SpanDepth)) return false;
                    break;
            }
        }

        writer.TraceId(new TraceId((ulong)high, (ulong)low));
        return !reader.HasFailed;
    }

    private static bool ReadAnnotations(ref ThriftReader reader, bool isBinary, ZipkinSpanWriter writer)
    {
        if (!reader.TryReadList(out var type, out var count)) return false;
        for (var i = 0; i < count; i++)
        {
            var read = type != ThriftType.Struct ? reader.TrySkip(type, SpanDepth + 1)
                : isBinary ? ReadBinaryAnnotation(ref reader, writer)
                : ReadAnnotation(ref reader, writer);
            if (!read) return false;
        }

        return true;
    }

    private static bool ReadAnnotation(ref ThriftReader reader, ZipkinSpanWriter writer)
    {
        long time = 0;
        ReadOnlySpan<byte> value = default;
        ZipkinEndpoint endpoint = default;
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            var read = (id, type) switch
            {
                (1, ThriftType.I64) => reader.TryReadInteger(type, out time),
                (2, ThriftType.Binary) => reader.TryReadBinary(out value),
                (3, ThriftType.Struct) => ReadEndpoint(ref reader, ref endpoint),
                _ => reader.TrySkip(type, AnnotationDepth),
            };
            if (!read) return false;
        }

        writer.Annotation1((ulong)Math.Max(0, time), value, endpoint);
        return !reader.HasFailed;
    }

    private static bool ReadBinaryAnnotation(ref ThriftReader reader, ZipkinSpanWriter writer)
    {
        ReadOnlySpan<byte> key = default, value = default;
        var valueType = 6L;
        ZipkinEndpoint endpoint = default;
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            var read = (id, type) switch
            {
                (1, ThriftType.Binary) => reader.TryReadBinary(out key),
                (2, ThriftType.Binary) => reader.TryReadBinary(out value),
                (3, ThriftType.I32) => reader.TryReadInteger(type, out valueType),
                (4, ThriftType.Struct) => ReadEndpoint(ref reader, ref endpoint),
                _ => reader.TrySkip(type, AnnotationDepth),
            };
            if (!read) return false;
        }

        Write(writer, key, value, valueType, endpoint);
        return !reader.HasFailed;
    }

    private static void Write(
        ZipkinSpanWriter writer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long type, in ZipkinEndpoint endpoint)
    {
        if (IsAddress(key) && type == 0)
        {
            writer.RemoteEndpoint(endpoint);
            return;
        }

        writer.FallbackService(endpoint.ServiceName);
        switch (type, value.Length)
        {
            case (0, 1): writer.Tag(key, value[0] != 0); break;
            case (2, 2): writer.Tag(key, (long)BinaryPrimitives.ReadInt16BigEndian(value)); break;
            case (3, 4): writer.Tag(key, (long)BinaryPrimitives.ReadInt32BigEndian(value)); break;
            case (4, 8): writer.Tag(key, BinaryPrimitives.ReadInt64BigEndian(value)); break;
            case (5, 8): writer.Tag(key, BinaryPrimitives.ReadDoubleBigEndian(value)); break;
            case (6, _): writer.Tag(key, value); break;
            default: writer.TagBytes(key, value); break;
        }
    }

    /// <summary>Keys whose endpoint is the other side: sa, ca, ma.</summary>
    internal static bool IsAddress(ReadOnlySpan<byte> key) => key is [(byte)'s' or (byte)'c' or (byte)'m', (byte)'a'];

    private static bool ReadEndpoint(ref ThriftReader reader, ref ZipkinEndpoint endpoint)
    {
        short id = 0;
        long number;
        while (reader.TryReadField(ref id, out var type))
        {
            switch (id, type)
            {
                case (1, ThriftType.I32):
                    if (!reader.TryReadInteger(type, out number)) return false;
                    endpoint.Ipv4 = (uint)number;
                    break;
                case (2, ThriftType.I16):
                    if (!reader.TryReadInteger(type, out number)) return false;
                    endpoint.Port = (ushort)number;
                    break;
                case (3, ThriftType.Binary):
                    if (!reader.TryReadBinary(out endpoint.ServiceName)) return false;
                    break;
                case (4, ThriftType.Binary):
                    if (!reader.TryReadBinary(out endpoint.IpBytes)) return false;
                    break;
                default:
                    if (!reader.TrySkip(type, EndpointDepth)) return false;
                    break;
            }
        }

        return !reader.HasFailed;
    }
}
