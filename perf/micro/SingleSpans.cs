using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Storage.Live;

namespace Tempo.Perf.Micro;

/// <summary>Traces of one span each, with random ids.</summary>
internal static class SingleSpans
{
    /// <param name="firstBytes">What all ids begin with; null: they are random altogether.</param>
    /// <param name="count">Traces.</param>
    /// <param name="random">Of the ids, and of the texts.</param>
    /// <param name="textBytes">Bytes of a text of random hexadecimal digits that each span has; 0: none.</param>
    public static List<LiveBatchView> Create(int count, Random random, ushort? firstBytes = null, int textBytes = 0)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        var id = new byte[TraceId.SizeBytes];
        for (var i = 0; i < count; i++)
        {
            random.NextBytes(id);
            if (firstBytes is { } first) BinaryPrimitives.WriteUInt16BigEndian(id, first);
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            writer.WriteBytes(SpanTag.TraceId, id);
            writer.WriteBytes(SpanTag.SpanId, id.AsSpan(0, SpanId.SizeBytes));
            writer.WriteFixed64(SpanTag.StartTimeUnixNano, 1_760_000_000_000_000_000);
            if (textBytes > 0)
            {
                var attribute = writer.BeginMessage(SpanTag.Attributes);
                writer.WriteBytes(KeyValueTag.Key, "body"u8);
                var value = writer.BeginMessage(KeyValueTag.Value);
                writer.WriteBytes(AnyValueTag.StringValue, Encoding.ASCII.GetBytes(random.GetHexString(textBytes, lowercase: true)));
                writer.EndMessage(value);
                writer.EndMessage(attribute);
            }

            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        var batch = new LiveBatch();
        batch.Append(buffer.Written, maxAttributeBytes: Math.Max(2048, textBytes));
        return [batch.View()];
    }
}
