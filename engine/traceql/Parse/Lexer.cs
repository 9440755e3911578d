using System.Text;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Text;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>
/// Cuts a query into tokens by Go's rules for words, numbers, strings and comments; an attribute's name follows its own
/// (see <see cref="AttributeName"/>). Errors are tokens; after one, what follows is still cut.
/// </summary>
internal sealed partial class Lexer(string text)
{
    // The longest operator at a place wins, so longer ones come before their prefixes.
    private static readonly string[] Operators =
    [
        "!>>", "!<<", "&>>", "&<<",
        "!=", "!~", "!>", "!<", "=~", ">=", "<=", ">>", "<<", "&&", "&~", "&>", "&<", "||",
        "{", "}", "(", ")", ",", "=", "!", ">", "<", "~", "+", "-", "/", "%", "*", "^", "|",
    ];

    private readonly string _text = text;
    private int _position;
    private int _line = 1;
    private int _column = 1;
    private bool _nameFollows;
    private int _startLine;
    private int _startColumn;

    /// <summary>The next token; <see cref="TokenKind.End"/> again and again at the end.</summary>
    internal Token Next()
    {
        if (_nameFollows)
        {
            _nameFollows = false;
            MarkStart();
            return ReadAttributeName();
        }

        string? commentError = SkipBlanksAndComments();
        MarkStart();
        if (commentError is not null)
        {
            Advance(_text.Length - _position);
            return Error(commentError);
        }

        if (_position == _text.Length)
            return Make(TokenKind.End, "");
        Rune rune = Peek();
        if (rune.Value == '.' && !IsDigitAt(_position + 1))
            return ReadScope(".");
        if (rune.Value == '.' || IsDigitAt(_position))
            return ReadNumber();
        if (rune.Value == '_' || Rune.IsLetter(rune))
            return ReadWord();
        return rune.Value switch
        {
            '"' => ReadQuotedString(),
            '`' => ReadRawString(),
            '\'' => ReadCharacter(),
            _ => ReadOperator(),
        };
    }

    private Token ReadOperator()
    {
        ReadOnlySpan<char> rest = _text.AsSpan(_position);
        foreach (string op in Operators)
        {
            if (rest.StartsWith(op, StringComparison.Ordinal))
            {
                Advance(op.Length);
                return Make(TokenKind.Symbol, op);
            }
        }

        int length = Peek().Utf16SequenceLength;
        string unknown = _text.Substring(_position, length);
        Advance(length);
        // A lone & begins an operator and ends as none.
        return Make(unknown == "&" ? TokenKind.Symbol : TokenKind.Identifier, unknown);
    }

    private Token ReadWord()
    {
        int start = _position;
        int end = start;
        while (end < _text.Length)
        {
            Rune rune = RuneAt(end);
            if (rune.Value != '_' && !Rune.IsLetter(rune) && !Rune.IsDigit(rune))
                break;
            end += rune.Utf16SequenceLength;
        }

        string word = _text[start..end];
        char next = end < _text.Length ? _text[end] : '\0';
        if (next == '.' && Keywords.Scopes.ContainsKey(word + "."))
            return ReadScope(word + ".");
        if (next == ':' && Keywords.ScopedIntrinsics.ContainsKey(word + ":"))
        {
            Advance(word.Length + 1);
            return Make(TokenKind.Symbol, word + ":");
        }

        Advance(word.Length);
        return word switch
        {
            Keywords.MinInt => Literal(TraceQlValue.Int(long.MinValue)),
            Keywords.MaxInt => Literal(TraceQlValue.Int(long.MaxValue)),
            _ => Make(Keywords.IsKeyword(word) ? TokenKind.Symbol : TokenKind.Identifier, word),
        };
    }

    private Token ReadScope(string scope)
    {
        ReadOnlySpan<char> rest = _text.AsSpan(_position + scope.Length);
        if (scope == "parent." && rest.StartsWith("span.", StringComparison.Ordinal))
            scope = "parent.span.";
        else if (scope == "parent." && rest.StartsWith("resource.", StringComparison.Ordinal))
            scope = "parent.resource.";
        Advance(scope.Length);
        _nameFollows = true;
        return Make(TokenKind.Symbol, scope);
    }

    private Token ReadAttributeName()
    {
        int start = _position;
        var name = new StringBuilder();
        while (_position < _text.Length)
        {
            Rune rune = Peek();
            if (rune.Value == '"')
            {
                if (ReadQuotedNamePart(name) is { } error)
                    return Error(error);
                continue;
            }

            if (!AttributeName.IsBareRune(rune))
                break;
            name.Append(_text, _position, rune.Utf16SequenceLength);
            Advance(rune.Utf16SequenceLength);
        }

        return _position == start ? Make(TokenKind.EndAttribute, "") : Make(TokenKind.AttributeName, name.ToString());
    }

    private string? ReadQuotedNamePart(StringBuilder name)
    {
        Advance(1);
        while (_position < _text.Length)
        {
            char c = _text[_position];
            if (c == '"')
            {
                Advance(1);
                return null;
            }

            if (c == '\\')
            {
                Advance(1);
                if (_position == _text.Length || _text[_position] is not ('"' or '\\'))
                    return "invalid escape sequence";
            }

            name.Append(_text[_position]);
            Advance(1);
        }

        return "unexpected EOF, expecting \"";
    }

    /// <summary>Skips white space, <c>// …</c> and <c>/* … */</c>; an error message if a comment does not end.</summary>
    private string? SkipBlanksAndComments()
    {
        while (_position < _text.Length)
        {
            ReadOnlySpan<char> rest = _text.AsSpan(_position);
            if (char.IsWhiteSpace(rest[0]))
            {
                Advance(1);
            }
            else if (rest.StartsWith("//", StringComparison.Ordinal))
            {
                int end = rest.IndexOf('\n');
                Advance(end < 0 ? rest.Length : end);
            }
            else if (rest.StartsWith("/*", StringComparison.Ordinal))
            {
                int end = rest[2..].IndexOf("*/", StringComparison.Ordinal);
                if (end < 0)
                    return "comment not terminated";
                Advance(end + 4);
            }
            else
            {
                break;
            }
        }

        return null;
    }

    private Rune Peek() => RuneAt(_position);

    /// <summary>The rune at an index; half a surrogate pair reads as U+FFFD of one code unit.</summary>
    private Rune RuneAt(int index)
    {
        Rune.DecodeFromUtf16(_text.AsSpan(index), out Rune rune, out _);
        return rune;
    }

    private bool IsDigitAt(int index) => index < _text.Length && char.IsAsciiDigit(_text[index]);

    private void Advance(int codeUnits)
    {
        int end = _position + codeUnits;
        for (; _position < end; _position++)
        {
            char c = _text[_position];
            if (c == '\n')
                (_line, _column) = (_line + 1, 1);
            else if (!char.IsLowSurrogate(c) || _position == 0 || !char.IsHighSurrogate(_text[_position - 1]))
                _column++;
        }
    }

    private void MarkStart() => (_startLine, _startColumn) = (_line, _column);

    private Token Make(TokenKind kind, string text) => new(kind, text, default, _startLine, _startColumn);

    private Token Error(string message) => Make(TokenKind.Error, message);

    private Token Literal(TraceQlValue value)
    {
        TokenKind kind = value.Type switch
        {
            TraceQlType.Int => TokenKind.Integer,
            TraceQlType.Float => TokenKind.Float,
            TraceQlType.Duration => TokenKind.Duration,
            _ => TokenKind.String,
        };
        return new Token(kind, "", value, _startLine, _startColumn);
    }
}
