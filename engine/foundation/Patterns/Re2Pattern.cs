using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Patterns in Go's RE2 syntax, as TraceQL, filter policies and Prometheus' relabelling have them, on .NET's engine that does
/// not go back: matching takes time in proportion to the text, whatever the pattern. Differences from RE2: <c>\b</c> knows
/// Unicode letters, a rune beyond U+FFFF counts as two characters, and of <c>\p{…}</c> only general categories are known.
/// Thread safe once compiled.
/// </summary>
public sealed class Re2Pattern
{
    private readonly Regex _regex;
    private readonly List<string> _groupNames;

    private Re2Pattern(Regex regex, List<string> groupNames) => (_regex, _groupNames) = (regex, groupNames);

    /// <summary>A pattern that is found anywhere in a text.</summary>
    /// <param name="pattern">In RE2's syntax.</param>
    /// <param name="regex">The matcher, when the answer is true.</param>
    /// <param name="error">What is wrong, when the answer is false.</param>
    public static bool TryCompile(string pattern, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? error)
    {
        regex = null;
        return Re2Translator.TryTranslate(pattern, null, out var translated, out error) && TryMake(translated, out regex, out error);
    }

    /// <summary>A pattern that has to match the whole text, and whose dot matches a newline.</summary>
    public static bool TryCompileWhole(string pattern, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? error)
    {
        regex = null;
        return Re2Translator.TryTranslate(pattern, null, out var translated, out error) && TryMake(Whole(translated), out regex, out error);
    }

    /// <summary>As <see cref="TryCompileWhole"/>, with groups to <see cref="Expand"/>.</summary>
    public static bool TryCompileGroups(
        string pattern, [NotNullWhen(true)] out Re2Pattern? compiled, [NotNullWhen(false)] out string? error)
    {
        compiled = null;
        List<string> names = [];
        if (!Re2Translator.TryTranslate(pattern, names, out var translated, out error)
            || !TryMake(Whole(translated), out var regex, out error))
            return false;
        compiled = new Re2Pattern(regex, names);
        return true;
    }

    public bool IsMatch(string text) => _regex.IsMatch(text);

    /// <summary>Null if the text does not match.</summary>
    public Match? Match(string text) => _regex.Match(text) is { Success: true } match ? match : null;

    /// <summary>
    /// A template with the groups of a match, as Go's Expand: <c>$1</c>, <c>${1}</c>, <c>$name</c>, <c>${name}</c>, and <c>$$</c> for a
    /// dollar. A name is as long as letters, digits and <c>_</c> go on; a group that is not there is empty.
    /// </summary>
    public string Expand(Match match, string template)
    {
        var text = new StringBuilder();
        for (var i = 0; i < template.Length; i++)
        {
            if (template[i] != '$')
            {
                text.Append(template[i]);
            }
            else if (i + 1 < template.Length && template[i + 1] == '$')
            {
                text.Append('$');
                i++;
            }
            else if (TryReadName(template, i + 1, out var name, out var end))
            {
                text.Append(ValueOf(match, name));
                i = end - 1;
            }
            else
            {
                text.Append('$');
            }
        }

        return text.ToString();
    }

    private static string Whole(string translated) => $@"\A(?s:{translated})\z";

    private static bool TryMake(string translated, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? error)
    {
        try
        {
            regex = new Regex(translated, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            error = null;
            return true;
        }
        catch (Exception refused) when (refused is ArgumentException or NotSupportedException)
        {
            // The translator lets a few constructs through that .NET judges better, and .NET limits the automaton's size.
            (regex, error) = (null, refused.Message);
            return false;
        }
    }

    private static bool TryReadName(string template, int start, out string name, out int end)
    {
        var isBraced = start < template.Length && template[start] == '{';
        var first = isBraced ? start + 1 : start;
        end = first;
        while (end < template.Length && (template[end] == '_' || char.IsLetterOrDigit(template[end]))) end++;
        name = template[first..end];
        if (name.Length == 0) return false;
        if (!isBraced) return true;
        return end < template.Length && template[end++] == '}';
    }

    private string ValueOf(Match match, string name)
    {
        // As in Go a number is one without a zero in front; anything else is a name.
        var isNumber = name.All(char.IsAsciiDigit) && (name.Length == 1 || name[0] != '0');
        var number = isNumber && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : isNumber ? -1
            : _groupNames.IndexOf(name) + 1;
        return number >= 0 && number <= _groupNames.Count && (isNumber || number > 0) ? match.Groups[number].Value : "";
    }
}
