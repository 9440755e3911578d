using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Parse;

namespace Tempo.Engine.TraceQL.Tests;

public sealed class RoundTripTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Parsing_what_was_printed_gives_the_same_tree(int seed)
    {
        var random = new RandomTree(seed);
        for (int i = 0; i < 3000; i++)
        {
            TraceQlQuery query = random.Query();
            string text = query.ToString();
            var parser = new Parser(text, lenient: false);
            TraceQlQuery? parsed = parser.ParseQuery();

            Assert.True(parsed is not null, $"{text}\n{parser.Error?.Message}");
            if (!query.Equals(parsed))
                Assert.Fail($"{text}\nparsed as\n{parsed}");
        }
    }

    [Theory]
    [InlineData(64, 65)]
    [InlineData(65, 9)]
    [InlineData(10_000, 16)]
    public void A_long_chain_is_a_low_tree_and_prints_flat_enough(int operands, int height)
    {
        string text = "{ " + string.Join(" || ", Enumerable.Range(0, operands).Select(i => $".a = {i}")) + " }";

        TraceQlQuery query = TraceQlParser.Parse(text);
        FieldExpression condition = ((SpansetFilter)((Pipeline)query.Pipeline!).Stages[0]).Condition;
        Assert.Equal(height, condition.Height);
        // Printing adds parentheses around each comparison, and so may pass the usual length.
        Assert.Equal(query, TraceQlParser.Parse(query.ToString(), maxLengthBytes: 1_000_000));
    }

    [Fact]
    public void Chains_within_chains_keep_their_shape()
    {
        string chain = string.Join(" || ", Enumerable.Repeat(".x", 100));
        foreach (string text in (string[])[$"{{ ({chain}) || .y || ({chain}) }}", $"{{ {chain} || ({chain} || (.a || .b)) }}",
            $"{{ ({chain}) || ({chain}) }}"])
        {
            TraceQlQuery query = TraceQlParser.Parse(text);
            Assert.Equal(query, TraceQlParser.Parse(query.ToString()));
        }
    }
}
