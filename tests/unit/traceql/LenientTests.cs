namespace Tempo.Engine.TraceQL.Tests;

public sealed class LenientTests
{
    [Theory]
    [InlineData("{resource.service.name=\"backend\" && }", "{ (resource.service.name = `backend`) && true }")]
    [InlineData("{ .a = 1 && .x=}", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 && .x= && .b = 2 }", "{ ((.a = 1) && true) && (.b = 2) }")]
    [InlineData("{ .a = 1 && ", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 && span.", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 && ser", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 && name = \"fo", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 && (.b = 2 || .c", "{ (.a = 1) && ((.b = 2) || .c) }")]
    [InlineData("{ .a = 1 && (.b = 2 || (.c + ) = 1) && .d = 3 }", "{ ((.a = 1) && ((.b = 2) || true)) && (.d = 3) }")]
    [InlineData("{ .a = 1 && !(.b = ) }", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 && (.b = }", "{ (.a = 1) && true }")]
    [InlineData("{ .a = nil && nil = }", "{ (.a = nil) && true }")]
    [InlineData("{ .a = 1 || .b = }", "{ (.a = 1) || true }")]
    [InlineData("{", "{ true }")]
    [InlineData("{ .a = 1 && event{ event.b = ", "{ (.a = 1) && true }")]
    [InlineData("{ event{ event.b = 1 } && parent.", "{ event{ event.b = 1 } && true }")]
    [InlineData("{ event{ event.b = 1 && (event.c = 2", "{ event{ (event.b = 1) && (event.c = 2) } }")]
    [InlineData("{ .a = 1 && eve", "{ (.a = 1) && true }")]
    [InlineData("{ .a = 1 } >> { .b = } | count() > 1", "{ .a = 1 } >> { true } | count() > 1")]
    public void Incomplete_matchers_count_as_true(string text, string expected) =>
        Assert.Equal(expected, TraceQlParser.ParseLenient(text)?.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("}")]
    [InlineData("frontend")]
    [InlineData("{ .a = 1 } | ra")]
    [InlineData("{ name = 5 }")]
    public void Nothing_comes_of_the_rest(string text) => Assert.Null(TraceQlParser.ParseLenient(text));
}
