using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Node.Slices;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// Messages between nodes. Holds: what is no message is refused with a <see cref="PeerException"/> and nothing else, and what an
/// answer points to lies within it.
/// </summary>
internal sealed class PeerMessageTarget : IFuzzTarget
{
    public string Name => "peer-message";

    public IReadOnlyList<byte[]> Dictionary => ProtobufDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        var message = input[1..];
        try
        {
            switch (input[0] % 8)
            {
                case 0:
                    var question = PeerMessages.DecodeLiveQuestion(message);
                    var again = PeerMessages.DecodeLiveQuestion(PeerMessages.Encode(question));
                    Oracle.Holds(again.Tenant == question.Tenant && again.Incarnation == question.Incarnation
                        && again.Trace == question.Trace && again.Have.Count == question.Have.Count && again.Key == question.Key,
                            "a question comes back as it went");
                    Oracle.Holds(question.Wanted.All(
                        wanted => wanted.Value.First >= 0 && again.Wanted[wanted.Key].First == wanted.Value.First
                            && again.Wanted[wanted.Key].Bits.SequenceEqual(wanted.Value.Bits)), "rows that are wanted");
                    break;
                case 1:
                    foreach (var (_, next, otlp, fingerprints) in PeerMessages.DecodeLiveAnswer(message).Batches)
                    {
                        _ = message[otlp];
                        _ = message[fingerprints];
                        Oracle.Holds(next >= 0, "a number of rows");
                    }

                    break;
                case 2:
                    _ = PeerMessages.DecodeMetasQuestion(message);
                    break;
                case 3:
                    _ = PeerMessages.DecodeMetasAnswer(message);
                    break;
                case 4:
                    _ = PeerMessages.DecodePartQuestion(message);
                    _ = message[PeerMessages.DecodePartAnswer(message).Content];
                    break;
                case 5:
                    var asked = SliceMessages.DecodeQuestion(message);
                    var heard = SliceMessages.DecodeQuestion(SliceMessages.Encode(asked));
                    Oracle.Holds((heard.Slice, heard.Request, heard.Now) == (asked.Slice, asked.Request, asked.Now),
                        "a query of a slice comes back as it went");
                    break;
                case 6:
                    SliceMessages.DecodeAnswer(message).Dispose();
                    break;
                default:
                    CheckSearch(message);
                    break;
            }
        }
        catch (PeerException)
        {
            // Refused.
        }
    }

    private static void CheckSearch(ReadOnlySpan<byte> message)
    {
        using var first = new NativeBuffer();
        SearchMessages.Write(first, SearchMessages.Read(message));
        using var second = new NativeBuffer();
        SearchMessages.Write(second, SearchMessages.Read(first.Written));
        Oracle.Holds(first.Written.SequenceEqual(second.Written), "an answer comes back as it went");
    }
}
