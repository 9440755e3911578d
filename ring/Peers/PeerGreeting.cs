using Tempo.Ring.Membership;

namespace Tempo.Ring.Peers;

/// <summary>
/// What two nodes tell each other once a second: <c>id state drained known</c>. It is how nodes of a static ring hear of the state of
/// the others, and how a node that begins hears that the others ask it from now on.
/// </summary>
/// <param name="Id">Who says it.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="IsDrained">All that it had is in the shared store.</param>
/// <param name="KnowsYou">Queries on this node ask the one that is greeted.</param>
public sealed record PeerGreeting(string Id, MemberState State, bool IsDrained, bool KnowsYou = false)
{
    public override string ToString() =>
        $"{Uri.EscapeDataString(Id)} {MemberJson.NameOf(State)} {(IsDrained ? 1 : 0)} {(KnowsYou ? 1 : 0)}";

    /// <summary>Null for what is none.</summary>
    public static PeerGreeting? TryParse(string text)
    {
        var words = text.Trim().Split(' ');
        return words.Length == 4 && words[0].Length is > 0 and < 1024 && MemberJson.TryParseState(words[1], out var state)
            ? new PeerGreeting(Uri.UnescapeDataString(words[0]), state, words[2] == "1", words[3] == "1")
            : null;
    }
}
