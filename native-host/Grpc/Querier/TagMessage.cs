using System.Text;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// Reads what is asked about tags:
/// <code>
/// SearchTagsRequest      { string scope = 1;   string query = 2; uint32 start = 3; uint32 end = 4; uint32 maxTagsPerScope = 5; }
/// SearchTagValuesRequest { string tagName = 1; string query = 2; uint32 start = 4; uint32 end = 5; uint32 maxTagValues = 6; }
/// </code>
/// </summary>
/// <param name="Subject">The scope, or the name of the tag.</param>
/// <param name="Query">TraceQL, perhaps half typed.</param>
/// <param name="Start">Unix seconds; 0 = not given.</param>
/// <param name="End">Unix seconds; 0 = not given.</param>
/// <param name="Limit">0 = none.</param>
internal readonly record struct TagMessage(string Subject, string Query, uint Start, uint End, uint Limit)
{
    /// <summary>Number of the field with the start; end and limit follow it.</summary>
    private const uint NamesStart = 3, ValuesStart = 4;

    public static bool TryReadNames(ReadOnlySpan<byte> message, out TagMessage request, out string error) =>
        TryRead(message, NamesStart, out request, out error);

    public static bool TryReadValues(ReadOnlySpan<byte> message, out TagMessage request, out string error) =>
        TryRead(message, ValuesStart, out request, out error);

    private static bool TryRead(ReadOnlySpan<byte> message, uint startField, out TagMessage request, out string error)
    {
        request = new TagMessage("", "", 0, 0, 0);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == (1 << WireType.NumberShift | WireType.LengthDelimited) && reader.TryReadBytes(out var text))
                request = request with { Subject = Encoding.UTF8.GetString(text) };
            else if (tag == (2 << WireType.NumberShift | WireType.LengthDelimited) && reader.TryReadBytes(out text))
                request = request with { Query = Encoding.UTF8.GetString(text) };
            else if (tag == startField << WireType.NumberShift && reader.TryReadVarint32(out var number))
                request = request with { Start = number };
            else if (tag == startField + 1 << WireType.NumberShift && reader.TryReadVarint32(out number))
                request = request with { End = number };
            else if (tag == startField + 2 << WireType.NumberShift && reader.TryReadVarint32(out number))
                request = request with { Limit = number };
            else if (reader.HasFailed || !reader.TrySkip(tag)) break;
        }

        error = reader.HasFailed ? $"grpc: error unmarshalling request: {reader.Error.Message}" : "";
        return !reader.HasFailed;
    }
}
