using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Tests;

public sealed class AcceptedTests
{
    public static TheoryData<string> Queries => new(QueryTables.Accepted());

    [Theory]
    [MemberData(nameof(Queries))]
    public void Parses_and_prints_back_as_itself(string text)
    {
        Assert.True(TraceQlParser.TryParse(text, out TraceQlQuery? query, out TraceQlError? error), error?.Message);

        string printed = query.ToString();
        TraceQlQuery again = TraceQlParser.Parse(printed);
        Assert.Equal(query, again);
        Assert.Equal(printed, again.ToString());
        Assert.Equal(query, TraceQlParser.ParseLenient(text));
    }

    [Theory]
    [InlineData("{}", "{ true }")]
    [InlineData("{ span:status = error && 1 + 1 = .a }", "{ (status = error) && (2 = .a) }")]
    [InlineData("{ .a || .b && .c }", "{ (.a || .b) && .c }")]
    [InlineData("{ -.a ^ 2 ^ .b * 3 - 1 > 0 }", "{ ((((-.a) ^ (2 ^ .b)) * 3) - 1) > 0 }")]
    [InlineData("{ !.a * .b = 1 }", "{ (!(.a * .b)) = 1 }")]
    [InlineData("{ .a + 1 * 2 - 3 = 1 }", "{ ((.a + 2) - 3) = 1 }")]
    [InlineData("{ 2 ^ 3 = 8 }", "{ true }")]
    [InlineData("{ 7 / 2 = 3 && -7 % 4 = -3 && 10s / 4s = 2.5 && 1s + 500 = 1000000500 }", "{ true }")]
    [InlineData("{ nil != nil || nil = nil || nil = 1 }", "{ false }")]
    [InlineData("{ nil != 1 }", "{ true }")]
    [InlineData("{ trace:rootService = \"a`b\" }", "{ rootServiceName = \"a`b\" }")]
    [InlineData("{ .\"a b\"+c = 1 }", "{ .\"a b+c\" = 1 }")]
    [InlineData("{ .\"5x\" = 1h30m }", "{ .\"5x\" = 1h30m0s }")]
    [InlineData("{.a}>{.b}&&{.c}", "({ .a } > { .b }) && { .c }")]
    [InlineData("{.a}&&({.b}|count()>1)", "({ .a }) && ({ .b } | count() > 1)")]
    [InlineData("avg(.a)>1-3|by(.x>4)", "avg(.a) > -2 | by(.x > 4)")]
    [InlineData("3*2+({}|rate())/2", "6 + (({ true } | rate()) / 2)")]
    [InlineData("({}|rate())>10|topk(2)with(x=1)with(y=2)", "{ true } | rate() > 10 | topk(2) with(x=1, y=2)")]
    [InlineData("{}|quantile_over_time(span:duration,.5,1)by(.a)", "{ true } | quantile_over_time(duration, 0.5, 1) by(.a)")]
    [InlineData("{}|compare({})", "{ true } | compare({ true }, 10)")]
    public void Normalises(string text, string expected) => Assert.Equal(expected, TraceQlParser.Parse(text).ToString());

    [Fact]
    public void A_metrics_query_searches_its_first_source()
    {
        TraceQlQuery query = TraceQlParser.Parse("(2 * ({ .a } | rate() | topk(1))) / ({ .b } | rate()) > 1");

        Assert.Null(query.Pipeline);
        Assert.Equal("{ .a }", query.SearchPipeline.ToString());
    }

    [Fact]
    public void The_last_value_of_a_hint_counts()
    {
        TraceQlQuery query = TraceQlParser.Parse("{} with(a=1, b=true) with(a=2s)");

        Assert.Equal(TraceQlValue.Duration(2_000_000_000), query.HintValue("a"));
        Assert.True(query.HintValue("c").IsNil);
    }

    [Fact]
    public void Attributes_are_listed_once_in_the_order_of_the_text()
    {
        TraceQlQuery query = TraceQlParser.Parse(
            "{ .b = 1 && (.a || span:name = .b) } >> { !.c } | by(.d + 1) | max(-.e) > 1 | select(.a, kind) | quantile_over_time(duration, 1) by(.f)");

        Assert.Equal(".b .a name .c .d .e kind duration .f", string.Join(' ', ReferencedAttributes.Of(query)));
    }

    [Theory]
    [InlineData("{ .a + 1 = 1 }", TraceQlType.Int)]
    [InlineData("{ .a + .b = 1 }", TraceQlType.Attribute)]
    [InlineData("{ duration * 2 = 1 }", TraceQlType.Float)]
    [InlineData("{ (name = .a) = true }", TraceQlType.Bool)]
    [InlineData("{ -duration = 1 }", TraceQlType.Duration)]
    [InlineData("{ span:childCount + 1 = 1 }", TraceQlType.Int)]
    public void Static_type_of_the_left_side(string text, TraceQlType expected)
    {
        var pipeline = (Pipeline)TraceQlParser.Parse(text).Pipeline!;
        var condition = (BinaryExpression)((SpansetFilter)pipeline.Stages[0]).Condition;

        Assert.Equal(expected, condition.Left.Type);
    }
}
