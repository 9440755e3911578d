using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Perf.Ingest;

/// <summary>The same spans in each protocol: traces of ten, thirteen attributes each, of which three do not repeat.</summary>
internal static class SpanBodies
{
    /// <summary>The first half of all trace ids: who sends a body again puts another number in its place.</summary>
    public const long IdHigh = 0x7777_6666_5555_4444;

    // Of now: blocks of one time are compacted together, and those of long ago are over.
    private static readonly long StartMicros = DateTimeOffset.UtcNow.AddSeconds(-10).ToUnixTimeMilliseconds() * 1000;

    private static (string Key, string Value)[] Attributes(int span) =>
    [
        ("http.request.method", "GET"), ("http.route", $"/api/products/{{id}}/{span % 7}"), ("url.scheme", "https"),
        ("server.address", "shop.example.internal"),
        ("http.response.status_code", span % 50 == 0 ? "500" : "200"), ("network.protocol.version", "1.1"),
        ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("db.system", "postgresql"), ("db.statement", "SELECT * FROM products WHERE id = $1"), ("thread.name", $"worker-{span % 16}"),
        ("session.id", $"{span * 7919L:x16}"), ("order.id", $"{span * 104729L:x12}"),
        ("client.port", (1024 + span * 31 % 60000).ToString(CultureInfo.InvariantCulture)),
    ];

    public static byte[] Otlp(int spans)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var resource = writer.BeginMessage(ResourceSpansTag.Resource);
        Attribute(writer, ResourceTag.Attributes, "service.name", "shop");
        writer.EndMessage(resource);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        Span<byte> id = stackalloc byte[16];
        for (var i = 0; i < spans; i++)
        {
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            BinaryPrimitives.WriteInt64BigEndian(id, IdHigh);
            BinaryPrimitives.WriteInt64BigEndian(id[8..], i / 10 + 1);
            writer.WriteBytes(SpanTag.TraceId, id);
            BinaryPrimitives.WriteInt64BigEndian(id, i + 1);
            writer.WriteBytes(SpanTag.SpanId, id[..8]);
            BinaryPrimitives.WriteInt64BigEndian(id, i / 10 * 10 + 1);
            writer.WriteBytes(SpanTag.ParentSpanId, id[..8]);
            writer.WriteBytes(SpanTag.Name, Encoding.UTF8.GetBytes($"operation-{i % 20}"));
            writer.WriteVarint(SpanTag.Kind, 3);
            writer.WriteFixed64(SpanTag.StartTimeUnixNano, (ulong)(StartMicros + i) * 1000);
            writer.WriteFixed64(SpanTag.EndTimeUnixNano, (ulong)(StartMicros + i + 1500) * 1000);
            foreach (var (key, value) in Attributes(i)) Attribute(writer, SpanTag.Attributes, key, value);
            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        return buffer.Written.ToArray();
    }

    public static byte[] ZipkinJson(int spans)
    {
        var json = new StringBuilder("[");
        for (var i = 0; i < spans; i++)
        {
            if (i > 0) json.Append(',');
            json.Append(CultureInfo.InvariantCulture,
                $"{{\"traceId\":\"{IdHigh:x16}{i / 10 + 1:x16}\",\"id\":\"{i + 1:x16}\",\"parentId\":\"{i / 10 * 10 + 1:x16}\",\"name\":\"operation-{i % 20}\",\"kind\":\"CLIENT\",");
            json.Append(CultureInfo.InvariantCulture,
                $"\"timestamp\":{StartMicros + i},\"duration\":1500,\"localEndpoint\":{{\"serviceName\":\"shop\"}},\"tags\":{{");
            json.AppendJoin(',', Attributes(i).Select(static a => $"\"{a.Key}\":\"{a.Value}\"")).Append("}}");
        }

        return Encoding.UTF8.GetBytes(json.Append(']').ToString());
    }

    public static byte[] JaegerThrift(int spans)
    {
        var bytes = new List<byte>();
        bytes.AddRange([12, 0, 1]);
        Text(bytes, 1, "shop");
        bytes.AddRange([0, 15, 0, 2, 12]);
        Number(bytes, spans, 4);
        for (var i = 0; i < spans; i++)
        {
            foreach (var (id, value) in new (short, long)[] { (1, i / 10 + 1), (2, IdHigh), (3, i + 1), (4, i / 10 * 10 + 1),
                (8, StartMicros + i), (9, 1500) })
            {
                bytes.AddRange([10, 0, (byte)id]);
                Number(bytes, value, 8);
            }

            Text(bytes, 5, $"operation-{i % 20}");
            var tags = Attributes(i).Append(("span.kind", "client")).ToArray();
            bytes.AddRange([15, 0, 10, 12]);
            Number(bytes, tags.Length, 4);
            foreach (var (key, value) in tags)
            {
                Text(bytes, 1, key);
                bytes.AddRange([8, 0, 2]);
                Number(bytes, 0, 4);
                Text(bytes, 3, value);
                bytes.Add(0);
            }

            bytes.Add(0);
        }

        bytes.Add(0);
        return [.. bytes];
    }

    private static void Text(List<byte> bytes, byte id, string text)
    {
        bytes.AddRange([11, 0, id]);
        Number(bytes, text.Length, 4);
        bytes.AddRange(Encoding.UTF8.GetBytes(text));
    }

    private static void Number(List<byte> bytes, long value, int size)
    {
        for (var shift = size * 8 - 8; shift >= 0; shift -= 8) bytes.Add((byte)(value >> shift));
    }

    private static void Attribute(ProtobufWriter writer, uint tag, string key, string value)
    {
        var attribute = writer.BeginMessage(tag);
        writer.WriteBytes(KeyValueTag.Key, Encoding.UTF8.GetBytes(key));
        var any = writer.BeginMessage(KeyValueTag.Value);
        writer.WriteBytes(AnyValueTag.StringValue, Encoding.UTF8.GetBytes(value));
        writer.EndMessage(any);
        writer.EndMessage(attribute);
    }
}
