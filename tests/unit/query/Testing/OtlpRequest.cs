using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Query.Tests.Testing;

/// <summary>Spans as the bytes of an OTLP export request, each in a ResourceSpans of its own.</summary>
public static class OtlpRequest
{
    public static byte[] Of(IEnumerable<TestSpan> spans)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        foreach (var span in spans)
        {
            var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
            var resource = writer.BeginMessage(ResourceSpansTag.Resource);
            Write(writer, ResourceTag.Attributes, span.Resource.Attributes);
            writer.EndMessage(resource);
            var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
            var scope = writer.BeginMessage(ScopeSpansTag.Scope);
            writer.WriteBytes(InstrumentationScopeTag.Name, Encoding.UTF8.GetBytes(span.Scope.Name));
            writer.WriteBytes(InstrumentationScopeTag.Version, Encoding.UTF8.GetBytes(span.Scope.Version));
            Write(writer, InstrumentationScopeTag.Attributes, span.Scope.Attributes);
            writer.EndMessage(scope);
            Write(writer, span);
            writer.EndMessage(scopeSpans);
            writer.EndMessage(resourceSpans);
        }

        return buffer.Written.ToArray();
    }

    private static void Write(ProtobufWriter writer, TestSpan span)
    {
        var message = writer.BeginMessage(ScopeSpansTag.Spans);
        WriteId(writer, SpanTag.TraceId, span.TraceId);
        WriteId(writer, SpanTag.SpanId, span.Id);
        if (span.ParentId != 0) WriteId(writer, SpanTag.ParentSpanId, span.ParentId);
        if (span.TraceState.Length > 0) writer.WriteBytes(SpanTag.TraceState, Encoding.UTF8.GetBytes(span.TraceState));
        writer.WriteBytes(SpanTag.Name, Encoding.UTF8.GetBytes(span.Name));
        writer.WriteVarint(SpanTag.Kind, (ulong)span.Kind);
        writer.WriteFixed64(SpanTag.StartTimeUnixNano, span.StartUnixNano);
        writer.WriteFixed64(SpanTag.EndTimeUnixNano, span.EndUnixNano);
        Write(writer, SpanTag.Attributes, span.Attributes);
        foreach (var e in span.Events)
        {
            var item = writer.BeginMessage(SpanTag.Events);
            writer.WriteFixed64(EventTag.TimeUnixNano, span.StartUnixNano + e.SinceStartNano);
            writer.WriteBytes(EventTag.Name, Encoding.UTF8.GetBytes(e.Name));
            Write(writer, EventTag.Attributes, e.Attributes);
            writer.EndMessage(item);
        }

        foreach (var link in span.Links)
        {
            var item = writer.BeginMessage(SpanTag.Links);
            WriteId(writer, LinkTag.TraceId, link.TraceId);
            WriteId(writer, LinkTag.SpanId, link.SpanId);
            Write(writer, LinkTag.Attributes, link.Attributes);
            writer.EndMessage(item);
        }

        var status = writer.BeginMessage(SpanTag.Status);
        writer.WriteBytes(StatusTag.Message, Encoding.UTF8.GetBytes(span.StatusMessage));
        writer.WriteVarint(StatusTag.Code, (ulong)span.Status);
        writer.EndMessage(status);
        writer.EndMessage(message);
    }

    private static void Write(ProtobufWriter writer, uint tag, Attributes attributes)
    {
        foreach (var (key, value) in attributes)
        {
            var pair = writer.BeginMessage(tag);
            writer.WriteBytes(KeyValueTag.Key, Encoding.UTF8.GetBytes(key));
            WriteValue(writer, KeyValueTag.Value, value);
            writer.EndMessage(pair);
        }
    }

    private static void WriteValue(ProtobufWriter writer, uint tag, object value)
    {
        var message = writer.BeginMessage(tag);
        switch (value)
        {
            case string text: writer.WriteBytes(AnyValueTag.StringValue, Encoding.UTF8.GetBytes(text)); break;
            case long number: writer.WriteVarint(AnyValueTag.IntValue, (ulong)number); break;
            case double real: writer.WriteDouble(AnyValueTag.DoubleValue, real); break;
            case bool flag: writer.WriteBool(AnyValueTag.BoolValue, flag); break;
            case object[] items:
                var array = writer.BeginMessage(AnyValueTag.ArrayValue);
                foreach (var item in items) WriteValue(writer, ArrayValueTag.Values, item);
                writer.EndMessage(array);
                break;
            default: throw new ArgumentException($"no attribute value: {value}", nameof(value));
        }

        writer.EndMessage(message);
    }

    private static void WriteId(ProtobufWriter writer, uint tag, TraceId id)
    {
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        id.Write(bytes);
        writer.WriteBytes(tag, bytes);
    }

    private static void WriteId(ProtobufWriter writer, uint tag, ulong id)
    {
        Span<byte> bytes = stackalloc byte[SpanId.SizeBytes];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, id);
        writer.WriteBytes(tag, bytes);
    }
}
