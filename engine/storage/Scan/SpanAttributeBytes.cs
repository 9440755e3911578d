using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Scan;

/// <summary>The attributes of a span as bytes, to compare them whatever their types are.</summary>
public static class SpanAttributeBytes
{
    /// <summary>
    /// Calls for each attribute of the span, those with a column of their own included: its key, and all of it, an OTLP KeyValue.
    /// </summary>
    public static void ForEach(SpanBatch batch, int row, Action<string, ReadOnlyMemory<byte>> visit)
    {
        using var attributes = new NativeBuffer();
        OtlpTraceWriter.WriteSpanAttributes(batch, row, attributes);
        var reader = new ProtobufReader(attributes.Written);
        while (reader.TryReadTag(out _) && reader.TryReadBytes(out var keyValue)) visit(KeyOf(keyValue), keyValue.ToArray());
    }

    private static string KeyOf(ReadOnlySpan<byte> keyValue)
    {
        var reader = new ProtobufReader(keyValue);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == KeyValueTag.Key && reader.TryReadBytes(out var key)) return Encoding.UTF8.GetString(key);
            if (!reader.TrySkip(tag)) break;
        }

        return "";
    }
}
