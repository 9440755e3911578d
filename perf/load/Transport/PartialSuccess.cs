using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Transport;

/// <summary>
/// Reads ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1 { int64 rejected_spans = 1; string error_message = 2 }
/// }.
/// </summary>
internal static class PartialSuccess
{
    /// <summary>
    /// The rejected spans; 0 for an empty response, and for bytes that are no such message, since the status already said it all.
    /// </summary>
    public static long RejectedSpans(ReadOnlySpan<byte> response)
    {
        while (MessageFields.TryRead(ref response, out int field, out ulong value, out ReadOnlySpan<byte> body))
        {
            if (field != OtlpFields.ExportResponse.PartialSuccess) continue;
            while (MessageFields.TryRead(ref body, out field, out value, out _))
                if (field == OtlpFields.PartialSuccess.RejectedSpans) return (long)value;
        }
        return 0;
    }
}
