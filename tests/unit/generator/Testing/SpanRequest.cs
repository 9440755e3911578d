using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Generator.Tests.Testing;

/// <summary>A span as a test describes it. Attribute values: string, long, double, bool, byte[] (text as it is).</summary>
public sealed record TestSpan
{
    public ulong Trace { get; init; } = 0xA1;
    public required ulong Id { get; init; }
    public ulong Parent { get; init; }
    public string Name { get; init; } = "span";

    /// <summary>2 server, 3 client, 4 producer, 5 consumer.</summary>
    public int Kind { get; init; } = 1;
    public double Seconds { get; init; } = 0.1;

    /// <summary>Of the end, before now.</summary>
    public double AgeSeconds { get; init; }
    public int Status { get; init; }
    public string StatusMessage { get; init; } = "";
    public string TraceState { get; init; } = "";
    public (string Key, object Value)[] Attributes { get; init; } = [];

    /// <summary>The resource's; service.name among them.</summary>
    public (string Key, object Value)[] Resource { get; init; } = [("service.name", "shop")];

    public static (string, object)[] Service(string name, params (string, object)[] more) => [("service.name", name), .. more];
}

/// <summary>Spans as the bytes of an export request, each in a ResourceSpans of its own.</summary>
internal static class SpanRequest
{
    /// <summary>Time of all tests.</summary>
    public const long NowUnixMs = 1_795_221_873_381;

    public static byte[] Of(params IEnumerable<TestSpan> spans) => At(NowUnixMs, spans);

    public static byte[] At(long nowUnixMs, params IEnumerable<TestSpan> spans)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        foreach (var span in spans)
        {
            var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
            var resource = writer.BeginMessage(ResourceSpansTag.Resource);
            Write(writer, ResourceTag.Attributes, span.Resource);
            writer.EndMessage(resource);
            var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
            Write(writer, span, nowUnixMs);
            writer.EndMessage(scopeSpans);
            writer.EndMessage(resourceSpans);
        }

        return buffer.Written.ToArray();
    }

    private static void Write(ProtobufWriter writer, TestSpan span, long nowUnixMs)
    {
        var end = (ulong)(nowUnixMs * 1_000_000 - (long)(span.AgeSeconds * 1e9));
        var message = writer.BeginMessage(ScopeSpansTag.Spans);
        Span<byte> id = stackalloc byte[16];
        new TraceId(0, span.Trace).Write(id);
        writer.WriteBytes(SpanTag.TraceId, id);
        BinaryPrimitives.WriteUInt64BigEndian(id, span.Id);
        writer.WriteBytes(SpanTag.SpanId, id[..8]);
        BinaryPrimitives.WriteUInt64BigEndian(id, span.Parent);
        if (span.Parent != 0) writer.WriteBytes(SpanTag.ParentSpanId, id[..8]);
        if (span.TraceState.Length > 0) writer.WriteBytes(SpanTag.TraceState, Encoding.UTF8.GetBytes(span.TraceState));
        writer.WriteBytes(SpanTag.Name, Encoding.UTF8.GetBytes(span.Name));
        writer.WriteVarint(SpanTag.Kind, (ulong)span.Kind);
        writer.WriteFixed64(SpanTag.StartTimeUnixNano, (ulong)((long)end - (long)Math.Round(span.Seconds * 1e9)));
        writer.WriteFixed64(SpanTag.EndTimeUnixNano, end);
        Write(writer, SpanTag.Attributes, span.Attributes);
        var status = writer.BeginMessage(SpanTag.Status);
        if (span.StatusMessage.Length > 0) writer.WriteBytes(StatusTag.Message, Encoding.UTF8.GetBytes(span.StatusMessage));
        writer.WriteVarint(StatusTag.Code, (ulong)span.Status);
        writer.EndMessage(status);
        writer.EndMessage(message);
    }

    private static void Write(ProtobufWriter writer, uint tag, (string Key, object Value)[] attributes)
    {
        foreach (var (key, value) in attributes)
        {
            var pair = writer.BeginMessage(tag);
            writer.WriteBytes(KeyValueTag.Key, Encoding.UTF8.GetBytes(key));
            var message = writer.BeginMessage(KeyValueTag.Value);
            switch (value)
            {
                case string text: writer.WriteBytes(AnyValueTag.StringValue, Encoding.UTF8.GetBytes(text)); break;
                case byte[] bytes: writer.WriteBytes(AnyValueTag.StringValue, bytes); break;
                case long number: writer.WriteVarint(AnyValueTag.IntValue, (ulong)number); break;
                case double real: writer.WriteDouble(AnyValueTag.DoubleValue, real); break;
                case bool flag: writer.WriteBool(AnyValueTag.BoolValue, flag); break;
                default: throw new ArgumentException($"no attribute value: {value}", nameof(attributes));
            }

            writer.EndMessage(message);
            writer.EndMessage(pair);
        }
    }
}
