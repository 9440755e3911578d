using System.Globalization;
using System.Text.RegularExpressions;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Tests;

public sealed partial class RefusedTests
{
    public static TheoryData<TraceQlErrorKind, string, string> Queries
    {
        get
        {
            var data = new TheoryData<TraceQlErrorKind, string, string>();
            foreach ((TraceQlErrorKind kind, string query, string message) in QueryTables.Refused())
                data.Add(kind, query, message);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Queries))]
    public void Is_refused_with_its_message(TraceQlErrorKind kind, string text, string message)
    {
        Assert.False(TraceQlParser.TryParse(text, out TraceQlQuery? query, out TraceQlError? error), query?.ToString());

        Assert.Equal(kind, error.Kind);
        if (message.Length > 0)
            Assert.Equal(message, error.Message);
        if (kind == TraceQlErrorKind.Parse)
        {
            Match position = Position().Match(error.Message);
            Assert.True(position.Success, error.Message);
            Assert.Equal(error.Line, int.Parse(position.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
            Assert.Equal(error.Column, int.Parse(position.Groups[2].ValueSpan, CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("{ .a = 1 &&\n  .b <= }", 2, 9)]
    [InlineData("{ .a = 1 } // x\n\t&&", 2, 4)]
    [InlineData("{ name = `one\ntwo` <= }", 2, 9)]
    [InlineData("{ .😀 = \"😀\" 3 }", 1, 12)]
    [InlineData("/* a\nb */ }", 2, 6)]
    [InlineData("{ .a >= 1 &&\n&& }", 2, 1)]
    public void Position_counts_lines_and_runes_from_one(string text, int line, int column)
    {
        Assert.False(TraceQlParser.TryParse(text, out _, out TraceQlError? error));

        Assert.Equal((line, column), (error.Line, error.Column));
    }

    [Fact]
    public void A_blank_query_ends_where_it_should_begin()
    {
        Assert.False(TraceQlParser.TryParse("  // nothing", out _, out TraceQlError? error));

        Assert.EndsWith("syntax error: unexpected $end", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Length_counts_bytes()
    {
        const string text = "{ .é = 1 }";

        Assert.True(TraceQlParser.TryParse(text, out _, out _, maxLengthBytes: 11));
        Assert.False(TraceQlParser.TryParse(text, out _, out TraceQlError? error, maxLengthBytes: 10));
        Assert.Equal(TraceQlErrorKind.TooLong, error.Kind);
    }

    [Fact]
    public void Parse_throws_the_error()
    {
        var thrown = Assert.Throws<TraceQlException>(() => TraceQlParser.Parse("{ 1 }"));

        Assert.Equal(thrown.Error.Message, thrown.Message);
    }

    [GeneratedRegex(@"^parse error at line (\d+), col (\d+): ")]
    private static partial Regex Position();
}
