using System.Text;
using Tempo.Engine.Otlp.Wire;
using Tempo.Host.Http;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// Reads tempopb.SearchRequest:
/// <code>
/// SearchRequest { map&lt;string, string> Tags = 1; uint32 MinDurationMs = 2; uint32 MaxDurationMs = 3; uint32 Limit = 4;
///                 uint32 start = 5; uint32 end = 6; string Query = 8; uint32 SpansPerSpanSet = 9; }      seconds
/// </code>
/// Other fields (deprecated ones, debugging switches) are passed over.
/// </summary>
internal static class SearchMessage
{
    private const long MillisecondNano = 1_000_000;

    /// <summary>False with a text that says what is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out SearchInput input, out string error)
    {
        input = new SearchInput { Start = 0, End = 0 };
        var tags = new List<(string Key, string? Value)>();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            switch (tag)
            {
                case 1 << WireType.NumberShift | WireType.LengthDelimited:
                    if (reader.TryReadBytes(out var entry)) tags.Add(MessageParts.ReadTextEntry(entry));
                    break;
                case 2 << WireType.NumberShift:
                    if (reader.TryReadVarint32(out var min)) input = input with { MinDurationNano = min * MillisecondNano };
                    break;
                case 3 << WireType.NumberShift:
                    if (reader.TryReadVarint32(out var max)) input = input with { MaxDurationNano = max * MillisecondNano };
                    break;
                case 4 << WireType.NumberShift:
                    if (reader.TryReadVarint32(out var limit)) input = input with { Limit = limit };
                    break;
                case 5 << WireType.NumberShift:
                    if (reader.TryReadVarint32(out var start)) input = input with { Start = start };
                    break;
                case 6 << WireType.NumberShift:
                    if (reader.TryReadVarint32(out var end)) input = input with { End = end };
                    break;
                case 8 << WireType.NumberShift | WireType.LengthDelimited:
                    if (reader.TryReadBytes(out var query)) input = input with { Query = Encoding.UTF8.GetString(query) };
                    break;
                case 9 << WireType.NumberShift:
                    if (reader.TryReadVarint32(out var spans)) input = input with { SpansPerSpanSet = spans };
                    break;
                default:
                    reader.TrySkip(tag);
                    break;
            }

            if (reader.HasFailed) break;
        }

        // A message has no "absent": one of the two alone is 0, and the other is not.
        if (input.Start == 0) input = input with { Start = null };
        input = input with { Tags = tags };
        error = reader.HasFailed ? $"grpc: error unmarshalling request: {reader.Error.Message}" : "";
        return !reader.HasFailed;
    }
}
