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
    /// Deepest JSON that is read, far deeper than anything that means something: a level costs the reader one bit. Values deeper than
    /// <see cref="OtlpTraceReader.MaxValueDepth"/> cost their attribute, as in protobuf, and not the request.
    /// </summary>
    public const int MaxJsonDepth = 100_000;

    /// <summary>
    /// Appends the request to <paramref name="output"/> as protobuf. False leaves a part behind that the caller must not
    /// use; <paramref name="error"/> says what is wrong and at which byte of the JSON.
    /// </summary>
    public static bool TryTranscode(ReadOnlySpan<byte> json, NativeBuffer output, out OtlpError error) =>
        new JsonToProtobuf(json, output).TryTranscode(OtlpJsonSchema.TracesData, out error);
}
