using System.Text;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Tests;

/// <summary>No text may end in an exception, and none may use up the stack.</summary>
public sealed class RobustnessTests
{
    private const int Deep = 100_000;

    // Half of what .NET gives its threads on Linux; the native binary and callers need some of it too.
    private const int StackBytes = 768 * 1024;

    public static TheoryData<string> DeepTexts =>
    [
        new string('(', Deep),
        "{ " + new string('(', Deep) + ".a" + new string(')', Deep) + " }",
        "{ " + new string('!', Deep) + ".a }",
        "{ " + new string('-', Deep) + ".a > 1 }",
        "{ .a " + string.Concat(Enumerable.Repeat("^ .a ", 20_000)) + "= 1 }",
        "{ .a " + string.Concat(Enumerable.Repeat("+ .a ", 20_000)) + "= 1 }",
        "{ .a " + string.Concat(Enumerable.Repeat("|| .a && .b ", 10_000)) + "}",
        "{ " + string.Concat(Enumerable.Repeat("nil = ", 20_000)) + "1 }",
        "{ " + string.Concat(Enumerable.Repeat("1 + nil = ", 12_000)) + "1 }",
        "{} " + string.Concat(Enumerable.Repeat("&& {} ", 20_000)),
        "{} " + string.Concat(Enumerable.Repeat("> {} ", 20_000)),
        "{} " + string.Concat(Enumerable.Repeat("| {} ", 20_000)),
        "count() " + string.Concat(Enumerable.Repeat("+ count() ", 10_000)) + "> 1",
        new string('-', Deep) + "1 > 2",
        "{} | rate() " + string.Concat(Enumerable.Repeat("> 1 ", 30_000)),
        "({} | rate()) " + string.Concat(Enumerable.Repeat("* 2 ", 30_000)),
        string.Concat(Enumerable.Repeat("({} | ", 20_000)),
        "{ name =~ \"" + new string('(', Deep) + "\" }",
        "{ ." + new string('"', Deep) + "= 1 }",
    ];

    [Theory]
    [MemberData(nameof(DeepTexts), DisableDiscoveryEnumeration = true)]
    public void A_deep_text_has_an_answer(string text)
    {
        RunOnSmallStack(() =>
        {
            if (TraceQlParser.TryParse(text, out TraceQlQuery? query, out _))
                UseEverything(query);
            TraceQlParser.ParseLenient(text);
            _ = TraceQlParser.TryParseAttribute(text, out _, out _);
        });
    }

    [Fact]
    public void Nesting_up_to_the_limit_is_accepted_and_one_more_refused()
    {
        RunOnSmallStack(() =>
        {
            Assert.True(TraceQlParser.TryParse(Nested(TraceQlParser.MaxNesting), out _, out _));
            Assert.False(TraceQlParser.TryParse(Nested(TraceQlParser.MaxNesting + 1), out _, out TraceQlError? error));
            Assert.Equal("parse error at line 1, col 503: expression is nested too deeply, the limit is 500 levels", error.Message);
        });

        static string Nested(int levels) => "{ " + new string('(', levels) + ".a" + new string(')', levels) + " }";
    }

    [Fact]
    public void The_highest_tree_can_be_printed_and_parsed_again()
    {
        RunOnSmallStack(() =>
        {
            foreach (string step in (string[])["-(.a + ", "!(.a ^ "])
            {
                string text = "{ .x = " + string.Concat(Enumerable.Repeat(step, 118)) + "1" + new string(')', 118) + " }";
                var parser = new Parse.Parser(text, lenient: false);
                TraceQlQuery? query = parser.ParseQuery();
                Assert.True(query is not null, parser.Error?.Message);
                Assert.True(query.Height > TraceQlParser.MaxTreeHeight - 20);
                Assert.Equal(query, new Parse.Parser(query.ToString(), lenient: false).ParseQuery());
            }
        });
    }

    /// <summary>In parentheses a tree of thousands is low enough.</summary>
    [Theory]
    [InlineData("({} | rate() by (.a))", "+")]
    [InlineData("({} | count() > 0)", "||")]
    public void More_pipelines_than_the_limit_are_refused(string pipeline, string op)
    {
        string many = pipeline;
        for (int count = 1; count < 512; count *= 2)
            many = $"({many} {op} {many})";
        Assert.True(TraceQlParser.TryParse(many, out _, out TraceQlError? error), error?.Message);
        Assert.False(TraceQlParser.TryParse($"{many} {op} {many}", out _, out error));
        Assert.Equal("a query of 1024 pipelines; the limit is 1000", error.Message);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Random_bytes_have_an_answer(int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[64];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            Ask(Encoding.UTF8.GetString(bytes.AsSpan(0, random.Next(bytes.Length))));
            Ask(new string(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, char>(bytes)));
        }
    }

    /// <summary>Pieces of queries in any order come much farther into the parser than bytes do.</summary>
    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public void Random_pieces_have_an_answer_and_what_is_accepted_prints_back(int seed)
    {
        string[] pieces = QueryTables.Accepted()
            .SelectMany(query => query.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Append("(").Append(")").Append("|").Distinct()
            .ToArray();
        string[] queries = [.. QueryTables.Accepted()];
        var random = new Random(seed);
        for (int i = 0; i < 20_000; i++)
        {
            string[] words = queries[random.Next(queries.Length)].Split(' ');
            for (int edits = random.Next(4); edits >= 0; edits--)
                words[random.Next(words.Length)] = random.Next(3) == 0 ? "" : pieces[random.Next(pieces.Length)];
            string text = string.Join(' ', words);
            Ask(text);
        }
    }

    private static void Ask(string text)
    {
        if (TraceQlParser.TryParse(text, out TraceQlQuery? query, out _))
        {
            TraceQlQuery again = TraceQlParser.Parse(query.ToString());
            if (!query.Equals(again))
                Assert.Fail($"{text}\nprints as\n{query}\nand parses as\n{again}");
        }

        TraceQlParser.ParseLenient(text);
        _ = TraceQlParser.TryParseAttribute(text, out _, out _);
    }

    private static void UseEverything(TraceQlQuery query)
    {
        Assert.Equal(query, TraceQlParser.Parse(query.ToString(), maxLengthBytes: int.MaxValue));
        Assert.Equal(query.GetHashCode(), query.GetHashCode());
        Assert.NotNull(ReferencedAttributes.Of(query));
    }

    private static void RunOnSmallStack(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    action();
                }
#pragma warning disable CA1031 // Whatever it is, the test's own thread has to see it.
                catch (Exception caught)
#pragma warning restore CA1031
                {
                    failure = caught;
                }
            },
            StackBytes);
        thread.Start();
        thread.Join();
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }
}
