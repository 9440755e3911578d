using System.Buffers;
using Tempo.Engine.Otlp.Json;

namespace Tempo.Engine.Otlp;

/// <summary>
/// OTLP <c>TracesData</c> in protobuf → the JSON in which Tempo answers a trace by id: base64 ids, enum names, 64-bit
/// numbers as strings, zero values left out, fields in the order of the .proto. Written straight from the walk over the
/// bytes. Schema URLs are not given back. Values nested too deep become the text <c>&lt;too deep&gt;</c>.
/// </summary>
public static class OtlpJsonWriter
{
    /// <summary>Name of the list of ResourceSpans in answers of version 1.</summary>
    public static ReadOnlySpan<byte> BatchesKey => "batches"u8;

    /// <summary>Name of the list of ResourceSpans in answers of version 2.</summary>
    public static ReadOnlySpan<byte> ResourceSpansKey => "resourceSpans"u8;

    /// <summary>
    /// Writes one object. The bytes are checked first, so <paramref name="output"/> is either whole or untouched. No spans
    /// give <c>{}</c>.
    /// </summary>
    public static bool TryWrite(ReadOnlySpan<byte> tracesData, ReadOnlySpan<byte> topKey, IBufferWriter<byte> output, out OtlpError error)
    {
        var json = new ProtoJsonWriter(output);
        return TryWrite(tracesData, topKey, ref json, out error);
    }

    /// <summary>The same as a value within a larger answer.</summary>
    public static bool TryWrite(ReadOnlySpan<byte> tracesData, ReadOnlySpan<byte> topKey, ref ProtoJsonWriter json, out OtlpError error)
    {
        var check = new OtlpRequestSummary();
        if (!OtlpTraceReader.TryRead(tracesData, ref check, out error)) return false;
        ProtobufToJson.WriteTopMessage(ref json, tracesData, OtlpJsonSchema.TracesData, topKey);
        return true;
    }
}
