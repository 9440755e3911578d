using Tempo.Engine.Foundation;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>
/// Zipkin spans → OTLP protobuf, so that all behind it sees one format. How a span is mapped stands in
/// <see cref="ZipkinSpanWriter"/>.
/// </summary>
public static class ZipkinReader
{
    /// <summary>
    /// Appends the spans to <paramref name="output"/> as an OTLP request. False leaves a part behind that the caller must not
    /// use; <paramref name="error"/> is the text for the client. Ids of zero are let through: they are judged, span by span,
    /// where those of all formats are.
    /// </summary>
    /// <param name="format">Of the body.</param>
    /// <param name="body">The body.</param>
    /// <param name="nowUnixNano">Start of a span that says nothing about it.</param>
    /// <param name="output">Gets the request.</param>
    /// <param name="error">Why it was refused.</param>
    /// <param name="parsesTags">Tags whose text is a number or a boolean become one.</param>
    public static bool TryTranscode(
        ZipkinFormat format, ReadOnlySpan<byte> body, ulong nowUnixNano, NativeBuffer output, out string error, bool parsesTags = false)
    {
        using var batch = new OtlpBatchWriter(output, body.Length);
        using var writer = new ZipkinSpanWriter(batch, nowUnixNano, parsesTags);
        error = format switch
        {
            ZipkinFormat.V2Protobuf => ZipkinProtobuf.Read(body, writer),
            ZipkinFormat.V1Thrift => ZipkinThrift.Read(body, writer),
            _ => new ZipkinJson(body, writer, isV1: format == ZipkinFormat.V1Json).Read(),
        };
        batch.Complete();
        return error.Length == 0;
    }
}
