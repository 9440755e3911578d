using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A pattern in Go's syntax, and behind the first line break a text. Holds: it is taken or refused with a reason; with groups and without
/// it matches the same texts; whatever the template, it can be expanded.
/// </summary>
internal sealed class Re2PatternTarget : IFuzzTarget
{
    /// <summary>An automaton takes its time to build, and a longer pattern finds nothing that a shorter one does not.</summary>
    private const int MaxPatternChars = 200;

    public string Name => "re2-pattern";

    public IReadOnlyList<byte[]> Dictionary { get; } = Array.ConvertAll(
        ["(?P<a>", "(?:", "(?i)", "(?U)", "(?s-m:", "(?!", "(?=", "\\pL", "\\p{^Lu}", "[[:alpha:]]", "[^", "\\Q", "\\E", "\\x{10FFFF}",
            "\\123", "\\b", "{2,3}", "{1000}", "*?", "+?", "|", "^", "$", "\n", "${a}", "$1", "$$", "]", ")"],
        Encoding.UTF8.GetBytes);

    public void Run(ReadOnlySpan<byte> input)
    {
        var end = input.IndexOf((byte)'\n');
        var pattern = Encoding.UTF8.GetString(end < 0 ? input : input[..end]);
        var text = end < 0 ? "" : Encoding.UTF8.GetString(input[(end + 1)..]);
        if (pattern.Length > MaxPatternChars) return;
        var isTaken = Re2Pattern.TryCompileWhole(pattern, out var regex, out var error);
        Oracle.Holds(isTaken == (error is null), "a pattern is taken or refused with a reason");
        Oracle.Holds(Re2Pattern.TryCompile(pattern, out _, out _) == isTaken, "what can be found can match a whole text");
        if (!Re2Pattern.TryCompileGroups(pattern, out var groups, out _)) return;
        Oracle.Holds(isTaken && regex!.IsMatch(text) == groups.IsMatch(text), "groups change no match");
        if (groups.Match(text) is { } match) Oracle.Holds(groups.Expand(match, pattern) is not null, "every template can be expanded");
    }
}
