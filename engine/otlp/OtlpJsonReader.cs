using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Json;

namespace Tempo.Engine.Otlp;

/// <summary>
/// OTLP/JSON → OTLP protobuf, so that all behind it sees one format
/// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in hex of either case, enums as integers,
/// 64-bit integers as numbers or strings, lowerCamelCase names only, unknown members skipped, null as absent.
/// </summary>
public static class OtlpJsonReader
{
    /// <summary>
    /// Deepest JSON that is read: twelve levels lead to an attribute of an event, and each level of a value takes at most
    /// four. So all values that <see cref="OtlpTraceReader"/> reads come through, and what is one level deeper reaches it
    /// to be treated there like any other.
    /// </summary>
    public const int MaxJsonDepth = 12 + 4 * OtlpTraceReader.MaxValueDepth;

    /// <summary>
    /// Appends the request to <paramref name="output"/> as protobuf. False leaves a part behind that the caller must not
    /// use; <paramref name="error"/> says what is wrong and at which byte of the JSON.
    /// </summary>
    public static bool TryTranscode(ReadOnlySpan<byte> json, NativeBuffer output, out OtlpError error) =>
        new JsonToProtobuf(json, output).TryTranscode(OtlpJsonSchema.TracesData, out error);
}
