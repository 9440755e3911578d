using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Tempo.Engine.TraceQL.Patterns;

/// <summary>
/// The right side of <c>=~</c> and <c>!~</c>: a Go RE2 pattern that has to match the whole text, whose dot matches a newline,
/// and that is case-sensitive unless it says (?i). Matching takes time in proportion to the text, whatever the pattern.
/// Differences from RE2: <c>\b</c> knows Unicode letters, a rune beyond U+FFFF counts as two characters, and of
/// <c>\p{…}</c> only general categories are known.
/// </summary>
public static class TraceQlRegex
{
    /// <summary>Compiles a pattern for <see cref="Regex.IsMatch(ReadOnlySpan{char})"/>; thread-safe when compiled.</summary>
    /// <param name="pattern">In RE2's syntax.</param>
    /// <param name="regex">The matcher, when the answer is true.</param>
    /// <param name="error">What is wrong, when the answer is false.</param>
    public static bool TryCompile(string pattern, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? error)
    {
        regex = null;
        if (!Re2Translator.TryTranslate(pattern, out string? translated, out error))
            return false;
        try
        {
            regex = new Regex($@"\A(?s:{translated})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return true;
        }
        catch (Exception refused) when (refused is ArgumentException or NotSupportedException)
        {
            // The translator lets a few constructs through that .NET judges better, and .NET limits the automaton's size.
            error = refused.Message;
            return false;
        }
    }
}
