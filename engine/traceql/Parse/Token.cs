using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>The classes of tokens.</summary>
internal enum TokenKind
{
    /// <summary>The end of the text.</summary>
    End,
    /// <summary>No token: <see cref="Token.Text"/> says what is wrong.</summary>
    Error,
    /// <summary>A keyword, an operator, a parenthesis, or a scope such as <c>span.</c> and <c>span:</c>.</summary>
    Symbol,
    /// <summary>A bare word, or a character, that means nothing to the language.</summary>
    Identifier,
    /// <summary>The name behind <c>.</c>, <c>span.</c>…; <see cref="Token.Text"/> is the name without quotes.</summary>
    AttributeName,
    /// <summary>No name behind <c>.</c>, <c>span.</c>….</summary>
    EndAttribute,
    String,
    Integer,
    Float,
    Duration,
}

/// <summary>One token and where it starts.</summary>
/// <param name="Kind">Its class.</param>
/// <param name="Text">The symbol, word, name or error message; empty for literals.</param>
/// <param name="Value">Of a literal.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">In runes, from 1.</param>
internal readonly record struct Token(TokenKind Kind, string Text, TraceQlValue Value, int Line, int Column)
{
    /// <summary>The token as error messages call it.</summary>
    internal string DisplayName => Kind switch
    {
        TokenKind.End => "$end",
        TokenKind.Symbol => Text,
        TokenKind.EndAttribute => "END_ATTRIBUTE",
        TokenKind.String => "STRING",
        TokenKind.Integer => "INTEGER",
        TokenKind.Float => "FLOAT",
        TokenKind.Duration => "DURATION",
        _ => "IDENTIFIER",
    };
}
