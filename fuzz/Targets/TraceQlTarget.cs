using System.Text;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A query text. Holds: every text has an answer; a query that is accepted prints as a text that parses to an equal tree;
/// the lenient reader takes what the strict one takes; errors of parsing lie within the text.
/// </summary>
internal sealed class TraceQlTarget : IFuzzTarget
{
    public string Name => "traceql";

    public IReadOnlyList<byte[]> Dictionary { get; } = Array.ConvertAll(
        [
            "{ ", " }", "(", ")", " | ", " && ", " || ", " = ", " != ", " =~ ", " !~ ", " >> ", " &>> ", " !<< ", " ~ ", "nil", "true", "-",
            "!", "^",
            ".a", "span.", "resource.", "parent.span.", "event:name", "span:childCount", "\"", "\\", "`", "1", "1.5", "1h30m", "minInt",
            "ok", "server",
            "by(", "select(", "coalesce()", "count()", "max(", "rate()", "quantile_over_time(", "compare(", "topk(1)", "with(a=1)", "//",
            "/*", "*/",
            "(?P<n>", "[[:alpha:]]", "\\Q", "{1,2}",
        ],
        Encoding.UTF8.GetBytes);

    public void Run(ReadOnlySpan<byte> input)
    {
        string text = Encoding.UTF8.GetString(input);
        TraceQlQuery? lenient = TraceQlParser.ParseLenient(text);
        _ = TraceQlParser.TryParseAttribute(text, out _, out _);
        if (!TraceQlParser.TryParse(text, out TraceQlQuery? query, out TraceQlError? error))
        {
            Oracle.Holds(error.Kind != TraceQlErrorKind.Parse || error.Line >= 1 && error.Column >= 1 && error.Column <= text.Length + 1,
                "an error lies within the text");
            return;
        }

        Oracle.Holds(query.Equals(lenient), "the lenient reader reads a complete query as the strict one does");
        string printed = query.ToString();
        Oracle.Holds(
            TraceQlParser.TryParse(printed, out TraceQlQuery? again, out _, maxLengthBytes: int.MaxValue) && query.Equals(again),
            "what is printed parses to an equal tree");
    }
}
