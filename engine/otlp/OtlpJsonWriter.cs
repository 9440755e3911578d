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

    /// <summary>
    /// Writes the ResourceSpans of a part of a trace as elements of a list, for answers that are written piece by piece. The
    /// bytes are ones that this process has made: they are not checked, and what is malformed in them is left out.
    /// </summary>
    /// <param name="tracesData">The part.</param>
    /// <param name="isFirst">Nothing stands in the list yet.</param>
    /// <param name="output">Gets the elements, and a comma before each but the very first.</param>
    public static void WriteElements(ReadOnlySpan<byte> tracesData, bool isFirst, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        if (!isFirst) json.Continue();
        ProtobufToJson.WriteTopElements(ref json, tracesData, OtlpJsonSchema.TracesData);
    }
}
