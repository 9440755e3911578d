using Tempo.Engine.TraceQL;
using Tempo.Host.Foreign;
using Xunit;

namespace Tempo.Host.Tests.Foreign;

public class SpanQueryTests
{
    [Theory]
    [InlineData("k", "v", "{ .\"k\" = \"v\" }")]
    [InlineData("", "v", "{ false }")]
    [InlineData("a\nb\\", "v", "{ .\"a\nb\\\\\" = \"v\" }")]
    [InlineData("k", "a\"b\\c\nd", "{ .\"k\" = \"a\\\"b\\\\c\\nd\" }")]
    [InlineData("a b}\"", "x", "{ .\"a b}\\\"\" = \"x\" }")]
    [InlineData("http.status_code", "200", "{ (.\"http.status_code\" = \"200\" || .\"http.status_code\" = 200) }")]
    [InlineData("n", "-1.5", "{ (.\"n\" = \"-1.5\" || .\"n\" = -1.5) }")]
    [InlineData("n", "1e999", "{ .\"n\" = \"1e999\" }")]
    [InlineData("n", "1,5", "{ .\"n\" = \"1,5\" }")]
    [InlineData("cached", "true", "{ (.\"cached\" = \"true\" || .\"cached\" = true) }")]
    [InlineData("error", "true", "{ status = error }")]
    [InlineData("error", "false", "{ status != error }")]
    [InlineData("span.kind", "server", "{ kind = server }")]
    [InlineData("span.kind", "x", "{ false }")]
    [InlineData("otel.status_code", "OK", "{ status = ok }")]
    [InlineData("otel.scope.name", "lib", "{ instrumentation:name = \"lib\" }")]
    public void ATagIsAConditionThatNobodyCanBreakOutOf(string key, string value, string expected)
    {
        var query = new SpanQuery();
        query.HasTag(key, value);
        Assert.Equal(expected, query.ToString());
        Assert.True(TraceQlParser.TryParse(query.ToString(), out _, out var error), error?.Message);
    }

    [Fact]
    public void ConditionsAreOfOneSpan()
    {
        var query = new SpanQuery();
        Assert.Equal("{}", query.ToString());
        query.HasService("shop");
        query.HasName("GET /");
        query.LastsBetween(1_000, 5_000_000_000);
        query.HasTagOrEvent("retry");
        const string expected =
            "{ resource.service.name = \"shop\" && name = \"GET /\" && span:duration >= 1000ns && span:duration <= 5000000000ns"
                + " && (.\"retry\" != nil || event:name = \"retry\") }";
        Assert.Equal(expected, query.ToString());
        Assert.True(TraceQlParser.TryParse(query.ToString(), out _, out var error), error?.Message);
    }
}
