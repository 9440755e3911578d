using System.Text;
using System.Text.RegularExpressions;
using Tempo.Engine.TraceQL.Patterns;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// The pattern of <c>=~</c>, reduced to what it mostly is: literal pieces with <c>.*</c> between them, and alternatives of such
/// (<c>a</c>, <c>a.*</c>, <c>.*a</c>, <c>.*a.*b.*</c>, <c>a|b|c.*</c>, <c>(a|b)</c>). These are tried on the bytes; anything else is a
/// regular expression of the non-backtracking engine. Both take time in proportion to the text. Not thread safe.
/// </summary>
internal sealed class TextPattern
{
    private readonly Regex? _regex;
    private readonly Pieces[] _alternatives = [];

    /// <summary>Throws <see cref="QueryException"/> for what is no pattern.</summary>
    public TextPattern(string pattern)
    {
        if (TryReduce(pattern, out _alternatives)) return;
        if (!TraceQlRegex.TryCompile(pattern, out _regex, out var error))
            throw new QueryException(QueryErrorKind.BadRequest, $"invalid regex: `{pattern}`: {error}");
    }

    /// <summary>It is tried without the regex engine.</summary>
    public bool IsReduced => _regex is null;

    public bool IsMatch(ReadOnlySpan<byte> utf8)
    {
        if (_regex is not null) return IsRegexMatch(utf8);
        foreach (var pieces in _alternatives)
            if (pieces.IsMatch(utf8))
                return true;
        return false;
    }

    private bool IsRegexMatch(ReadOnlySpan<byte> utf8)
    {
        const int OnStack = 256;
        if (utf8.Length > OnStack) return _regex!.IsMatch(Encoding.UTF8.GetString(utf8));
        Span<char> chars = stackalloc char[OnStack];
        return _regex!.IsMatch(chars[..Encoding.UTF8.GetChars(utf8, chars)]);
    }

    private static bool TryReduce(string pattern, out Pieces[] alternatives)
    {
        alternatives = [];
        var text = pattern.AsSpan();
        // One pair of parentheses around everything changes nothing: nobody asks what a group holds.
        if (text.Length >= 2 && text[0] == '(' && text[^1] == ')' && !text[1..^1].ContainsAny("()\\")) text = text[1..^1];
        var found = new List<Pieces>();
        var piece = new StringBuilder();
        var pieces = new List<string>();
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || text[i] == '|')
            {
                pieces.Add(piece.ToString());
                found.Add(new Pieces(pieces));
                piece.Clear();
                pieces.Clear();
            }
            else if (text[i] == '.' && i + 1 < text.Length && text[i + 1] == '*'
                && (i + 2 == text.Length || text[i + 2] is not ('?' or '*' or '+' or '{')))
            {
                pieces.Add(piece.ToString());
                piece.Clear();
                i++;
            }
            else if (text[i] == '\\' && i + 1 < text.Length && char.IsAscii(text[i + 1])
                && char.IsPunctuation(text[i + 1]) | char.IsSymbol(text[i + 1]))
            {
                piece.Append(text[++i]);
                if (IsRepeated(text, i)) return false;
            }
            // U+FFFD is what a regex sees where a text is not UTF-8.
            else if (text[i] is '.' or '\\' or '[' or ']' or '(' or ')' or '{' or '}' or '*' or '+' or '?' or '^' or '$' or '\uFFFD'
                || IsRepeated(text, i))
            {
                return false;
            }
            else
            {
                piece.Append(text[i]);
            }
        }

        alternatives = [.. found];
        return true;
    }

    private static bool IsRepeated(ReadOnlySpan<char> pattern, int i) =>
        i + 1 < pattern.Length && pattern[i + 1] is '*' or '+' or '?' or '{';

    /// <summary>Literal pieces in this order, anything between them: the first at the beginning, the last at the end.</summary>
    private sealed class Pieces(List<string> pieces)
    {
        private readonly byte[][] _pieces = [.. pieces.Select(Encoding.UTF8.GetBytes)];

        public bool IsMatch(ReadOnlySpan<byte> text)
        {
            var first = _pieces[0];
            if (_pieces.Length == 1) return text.SequenceEqual(first);
            var last = _pieces[^1];
            if (text.Length < first.Length + last.Length || !text.StartsWith(first) || !text.EndsWith(last)) return false;
            var rest = text[first.Length..^last.Length];
            for (var i = 1; i < _pieces.Length - 1; i++)
            {
                var at = rest.IndexOf(_pieces[i]);
                if (at < 0) return false;
                rest = rest[(at + _pieces[i].Length)..];
            }

            return true;
        }
    }
}
