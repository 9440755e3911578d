using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.TraceQL.Patterns;

/// <summary>
/// The right side of <c>=~</c> and <c>!~</c>: a Go RE2 pattern that has to match the whole text, whose dot matches a newline,
/// and that is case-sensitive unless it says (?i). See <see cref="Re2Pattern"/>.
/// </summary>
public static class TraceQlRegex
{
    /// <summary>Compiles a pattern for <see cref="Regex.IsMatch(ReadOnlySpan{char})"/>; thread-safe when compiled.</summary>
    /// <param name="pattern">In RE2's syntax.</param>
    /// <param name="regex">The matcher, when the answer is true.</param>
    /// <param name="error">What is wrong, when the answer is false.</param>
    public static bool TryCompile(string pattern, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? error) =>
        Re2Pattern.TryCompileWhole(pattern, out regex, out error);
}
