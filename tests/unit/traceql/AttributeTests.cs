using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Tests;

public sealed class AttributeTests
{
    [Theory]
    [InlineData("resource.service.name", AttributeScope.Resource, "service.name", Intrinsic.None, "resource.service.name")]
    [InlineData(".foo", AttributeScope.Unscoped, "foo", Intrinsic.None, ".foo")]
    [InlineData("span.\"with space\"", AttributeScope.Span, "with space", Intrinsic.None, "span.\"with space\"")]
    [InlineData("span.a/b-c[0]", AttributeScope.Span, "a/b-c[0]", Intrinsic.None, "span.a/b-c[0]")]
    [InlineData("parent.resource.x", AttributeScope.ParentResource, "x", Intrinsic.None, "parent.resource.x")]
    [InlineData("name", AttributeScope.Intrinsic, "name", Intrinsic.Name, "name")]
    [InlineData("span:kind", AttributeScope.Intrinsic, "kind", Intrinsic.Kind, "kind")]
    [InlineData("trace:rootService", AttributeScope.Intrinsic, "rootServiceName", Intrinsic.RootServiceName, "rootServiceName")]
    [InlineData("event: timeSinceStart", AttributeScope.Intrinsic, "event:timeSinceStart", Intrinsic.EventTimeSinceStart,
        "event:timeSinceStart")]
    public void An_identifier_is_read_and_labelled(string text, AttributeScope scope, string name, Intrinsic intrinsic, string label)
    {
        AttributeRef attribute = TraceQlParser.ParseAttribute(text);

        Assert.Equal((scope, name, intrinsic, label), (attribute.Scope, attribute.Name, attribute.Intrinsic, attribute.ToString()));
    }

    [Theory]
    [InlineData("service.name", "parse error at line 1, col 2: unknown identifier: service")]
    [InlineData("span.customer id", "parse error at line 1, col 16: syntax error: unexpected id")]
    [InlineData("span:foo", "parse error at line 1, col 7: syntax error: unexpected IDENTIFIER")]
    [InlineData("{", "parse error at line 1, col 2: syntax error: unexpected {")]
    [InlineData(" ", "expected Attribute but got traceql.Static")]
    [InlineData(".a } | { .b", "parse error at line 1, col 7: syntax error: unexpected |, expecting with")]
    public void Another_text_is_refused(string text, string reason)
    {
        Assert.False(TraceQlParser.TryParseAttribute(text, out _, out TraceQlError? error));

        Assert.Equal($"failed to parse identifier {text}: {reason}", error.Message);
    }
}
