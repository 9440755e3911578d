using System.Diagnostics.CodeAnalysis;
using System.Text;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Parse;
using Tempo.Engine.TraceQL.Validate;

namespace Tempo.Engine.TraceQL;

/// <summary>
/// Text to checked tree. Any text ends in a tree or in an error, never in an exception; the memory used is in proportion
/// to the text, and the height of a tree is limited. The language: GRAMMAR.md.
/// </summary>
public static class TraceQlParser
{
    /// <summary>Tempo's <c>query_frontend.max_query_expression_size_bytes</c>.</summary>
    public const int DefaultMaxLengthBytes = 131072;

    /// <summary>Parentheses, prefix operators and powers that may be open at once. Two for each level of the highest tree.</summary>
    public const int MaxNesting = 2 * MaxTreeHeight;

    /// <summary>
    /// Levels of the highest tree. Bounds the stack of all who recurse. Chains of one logical operator are balanced, so
    /// a thousand <c>||</c> are ten levels.
    /// </summary>
    public const int MaxTreeHeight = 250;

    /// <summary>Parses and validates a query. The empty text is refused; that it means everything is up to the caller.</summary>
    /// <param name="text">The query.</param>
    /// <param name="query">The tree, when the answer is true.</param>
    /// <param name="error">The reason, when the answer is false.</param>
    /// <param name="maxLengthBytes">Longest text in UTF-8 bytes.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out TraceQlQuery? query, [NotNullWhen(false)] out TraceQlError? error,
        int maxLengthBytes = DefaultMaxLengthBytes)
    {
        query = null;
        error = CheckLength(text, maxLengthBytes);
        if (error is not null)
            return false;
        var parser = new Parser(text, lenient: false);
        TraceQlQuery? parsed = parser.ParseQuery();
        error = parsed is null ? parser.Error : Validator.Check(parsed);
        if (error is not null)
            return false;
        query = parsed!;
        return true;
    }

    /// <summary>Parses and validates a query.</summary>
    /// <exception cref="TraceQlException">The text is refused.</exception>
    public static TraceQlQuery Parse(string text, int maxLengthBytes = DefaultMaxLengthBytes) =>
        TryParse(text, out TraceQlQuery? query, out TraceQlError? error, maxLengthBytes) ? query : throw new TraceQlException(error);

    /// <summary>
    /// Reads what a user is still typing, to narrow autocompletion: incomplete matchers in <c>{ }</c> count as true, missing
    /// parentheses and braces at the end as written. Null when nothing can be made of the text.
    /// </summary>
    public static TraceQlQuery? ParseLenient(string text, int maxLengthBytes = DefaultMaxLengthBytes)
    {
        if (CheckLength(text, maxLengthBytes) is not null)
            return null;
        TraceQlQuery? query = new Parser(text, lenient: true).ParseQuery();
        return query is not null && Validator.Check(query) is null ? query : null;
    }

    /// <summary>
    /// Parses one attribute or intrinsic, for example <c>resource.service.name</c> or <c>span:kind</c>. Not validated:
    /// <c>parent.x</c> is an attribute that no span has.
    /// </summary>
    public static bool TryParseAttribute(
        string text, [NotNullWhen(true)] out AttributeRef? attribute, [NotNullWhen(false)] out TraceQlError? error,
        int maxLengthBytes = DefaultMaxLengthBytes)
    {
        attribute = null;
        error = CheckLength(text, maxLengthBytes);
        if (error is not null)
            return false;
        // Columns count from the brace that Tempo puts in front.
        var parser = new Parser("{" + text + "}", lenient: false);
        FieldExpression? expression = parser.ParseFilterOnly();
        attribute = expression as AttributeRef;
        if (attribute is not null)
            return true;
        string found = expression is Literal ? "traceql.Static" : "an expression";
        error = expression is null
            ? parser.Error! with { Message = $"failed to parse identifier {text}: {parser.Error!.Message}" }
            : new TraceQlError(TraceQlErrorKind.Parse, $"failed to parse identifier {text}: expected Attribute but got {found}");
        return false;
    }

    /// <summary>Parses one attribute or intrinsic.</summary>
    /// <exception cref="TraceQlException">The text is none.</exception>
    public static AttributeRef ParseAttribute(string text) =>
        TryParseAttribute(text, out AttributeRef? attribute, out TraceQlError? error) ? attribute : throw new TraceQlException(error);

    private static TraceQlError? CheckLength(string text, int maxLengthBytes)
    {
        if (text.Length <= maxLengthBytes && Encoding.UTF8.GetByteCount(text) <= maxLengthBytes)
            return null;
        return new TraceQlError(
            TraceQlErrorKind.TooLong,
            $"TraceQL expression exceeds the configured maximum size of {maxLengthBytes} bytes, "
            + "reduce the query expression size or contact your system administrator");
    }
}
