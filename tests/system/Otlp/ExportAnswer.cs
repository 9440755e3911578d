namespace Tempo.SystemTests.Otlp;

/// <summary>An ExportTraceServiceResponse: <c>partial_success=1 { rejected_spans=1, error_message=2 }</c>.</summary>
internal sealed record ExportAnswer(bool HasPartialSuccess, long RejectedSpans, string ErrorMessage)
{
    public static ExportAnswer Parse(ReadOnlySpan<byte> response)
    {
        var fields = new ProtobufFields(response);
        if (!fields.Has(1)) return new ExportAnswer(false, 0, "");
        var partial = fields.Message(1);
        return new ExportAnswer(true, (long)partial.Number(1), partial.Text(2));
    }
}
