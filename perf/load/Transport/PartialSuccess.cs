using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Transport;

/// <summary>Reads ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1 { int64 rejected_spans = 1; string error_message = 2 } }.</summary>
internal static class PartialSuccess
{
    /// <summary>The rejected spans; 0 for an empty response, and for bytes that are no such message, since the status already said it all.</summary>
    public static long RejectedSpans(ReadOnlySpan<byte> response)
    {
        while (TryReadField(ref response, out int field, out ulong value, out ReadOnlySpan<byte> body))
        {
            if (field != OtlpFields.ExportResponse.PartialSuccess) continue;
            while (TryReadField(ref body, out field, out value, out _))
                if (field == OtlpFields.PartialSuccess.RejectedSpans) return (long)value;
        }
        return 0;
    }

    private static bool TryReadField(ref ReadOnlySpan<byte> rest, out int field, out ulong value, out ReadOnlySpan<byte> body)
    {
        field = 0;
        value = 0;
        body = default;
        if (!TryReadVarint(ref rest, out ulong tag) || !TryReadVarint(ref rest, out value)) return false;
        field = (int)(tag >> 3);
        if ((tag & 7) == 0) return true;
        if ((tag & 7) != 2 || value > (ulong)rest.Length) return false;
        body = rest[..(int)value];
        rest = rest[(int)value..];
        return true;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> rest, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(rest.Length, 10); i++)
        {
            value |= (ulong)(rest[i] & 0x7F) << (7 * i);
            if (rest[i] >= 0x80) continue;
            rest = rest[(i + 1)..];
            return true;
        }
        return false;
    }
}
