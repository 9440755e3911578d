using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Otlp.Values;

namespace Tempo.Engine.Otlp;

/// <summary>
/// One AnyValue as proto-JSON text, such as <c>{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"x"}]}}</c>: how
/// blocks keep the values that have no column of their own (ValueUnsupported). Reading what was written gives an equal
/// message, except that invalid UTF-8 has become U+FFFD and levels beyond <see cref="OtlpTraceReader.MaxValueDepth"/> are
/// gone.
/// </summary>
public static class AnyValueJson
{
    /// <summary>Protobuf → text. Checked first: <paramref name="output"/> is either whole or untouched.</summary>
    public static bool TryWrite(ReadOnlySpan<byte> anyValue, IBufferWriter<byte> output, out OtlpError error)
    {
        if (!AnyValueReader.TryRead(anyValue, 0, out _, out error)) return false;
        var json = new ProtoJsonWriter(output);
        Write(ref json, anyValue);
        return true;
    }

    /// <summary>The same within a larger answer, for bytes that <see cref="OtlpTraceReader"/> has accepted.</summary>
    public static void Write(ref ProtoJsonWriter json, ReadOnlySpan<byte> anyValue) =>
        ProtobufToJson.WriteMessage(ref json, anyValue, OtlpJsonSchema.AnyValue, valueDepth: 0);

    /// <summary>
    /// Text → protobuf, appended to <paramref name="output"/>. False leaves a part behind that the caller must not use.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> json, NativeBuffer output, out OtlpError error) =>
        new JsonToProtobuf(json, output).TryTranscode(OtlpJsonSchema.AnyValue, out error);
}
