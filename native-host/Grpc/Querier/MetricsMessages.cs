using System.Text;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// Reads the requests of the metrics methods; times and step are nanoseconds, and a step or a number of 0 is the default:
/// <code>
/// QueryRangeRequest   { string query = 1; uint64 start = 2; uint64 end = 3; uint64 step = 4; uint32 exemplars = 16; uint32 maxSeries = 17;
///                     }
/// QueryInstantRequest { string query = 1; uint64 start = 2; uint64 end = 3; }
/// </code>
/// </summary>
internal static class MetricsMessages
{
    /// <summary>False with a text that says what is malformed.</summary>
    public static bool TryReadRange(ReadOnlySpan<byte> message, out QueryRangeRequest request, out string error)
    {
        request = new QueryRangeRequest();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            switch (tag)
            {
                case 1 << WireType.NumberShift | WireType.LengthDelimited when reader.TryReadBytes(out var query):
                    request = request with { Query = Encoding.UTF8.GetString(query) };
                    break;
                case 2 << WireType.NumberShift when reader.TryReadVarint(out var start):
                    request = request with { StartUnixNano = start };
                    break;
                case 3 << WireType.NumberShift when reader.TryReadVarint(out var end):
                    request = request with { EndUnixNano = end };
                    break;
                case 4 << WireType.NumberShift when reader.TryReadVarint(out var step):
                    request = request with { StepNano = step };
                    break;
                case 16 << WireType.NumberShift when reader.TryReadVarint32(out var exemplars):
                    request = request with { Exemplars = exemplars };
                    break;
                case 17 << WireType.NumberShift when reader.TryReadVarint32(out var series):
                    request = request with { MaxSeries = series };
                    break;
                default:
                    if (!reader.HasFailed) reader.TrySkip(tag);
                    break;
            }

            if (reader.HasFailed) break;
        }

        error = reader.HasFailed ? $"grpc: error unmarshalling request: {reader.Error.Message}" : "";
        return !reader.HasFailed;
    }

    /// <summary>The same for one interval.</summary>
    public static bool TryReadInstant(ReadOnlySpan<byte> message, out QueryInstantRequest request, out string error)
    {
        // The fields that it has are those of the other, with the same numbers.
        var isRead = TryReadRange(message, out var range, out error);
        request = new QueryInstantRequest { Query = range.Query, StartUnixNano = range.StartUnixNano, EndUnixNano = range.EndUnixNano };
        return isRead;
    }
}
