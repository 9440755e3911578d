using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>The tag methods of <c>tempopb.StreamingQuerier</c>: what they stream is what HTTP answers.</summary>
public sealed class StreamingTagTests(SharedTempo shared) : IDisposable
{
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    private Task<GrpcProgram.Call> CallAsync(string method, JsonObject request) =>
        GrpcProgram.CallAsync("tempo.proto", shared.Tempo.ApiGrpcAddress, "tempopb.StreamingQuerier/" + method, request);

    [Fact]
    public async Task Names_and_values_are_those_of_http()
    {
        var span = Spans.NewTrace(name: "streamed tags")[0] with
        {
            Attributes =
            [new("streamed.tag", "string:x"), new("streamed.number", "int:7")]
        };
        Assert.Equal(200, (await _otlp.PostAsync(ExportRequest.Encode(span))).Status);
        var only = $"{{ name = \"{span.Name}\" }}";

        Assert.Contains("streamed.tag", Texts(await CallAsync("SearchTags", new() { ["scope"] = "span" }), "tagNames"));
        var scopes = (await CallAsync("SearchTagsV2", new() { ["scope"] = "span", ["query"] = only })).Messages.SelectMany(
            m => m.GetProperty("scopes").EnumerateArray());
        var scope = Assert.Single(scopes);
        Assert.Equal("span", scope.GetProperty("name").GetString());
        Assert.Equal(["streamed.number", "streamed.tag"], scope.GetProperty("tags").EnumerateArray().Select(t => t.GetString()));
        Assert.Single((await CallAsync("SearchTagsV2", new() { ["scope"] = "span", ["query"] = only, ["maxTagsPerScope"] = 1 })).Messages[0]
            .GetProperty("scopes")[0].GetProperty("tags").EnumerateArray());

        Assert.Equal(["x"], Texts(await CallAsync("SearchTagValues", new() { ["tagName"] = "streamed.tag" }), "tagValues"));
        var values = (await CallAsync("SearchTagValuesV2",
            new() { ["tagName"] = "span.streamed.number", ["query"] = only })).Messages.SelectMany(
                m => m.GetProperty("tagValues").EnumerateArray());
        var value = Assert.Single(values);
        Assert.Equal(("int", "7"), (value.GetProperty("type").GetString(), value.GetProperty("value").GetString()));
    }

    [Theory]
    [InlineData("SearchTags", """{"scope":"foo"}""", "invalid scope: foo")]
    [InlineData("SearchTagsV2", """{"scope":"all"}""", "invalid scope: all")]
    [InlineData("SearchTagsV2", """{"start":10}""",
        "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("SearchTagValues", """{"tagName":"a","start":10,"end":5}""",
        "range specified by start and end exceeds 168h0m0s. received start=10 end=5")]
    [InlineData("SearchTagValuesV2", """{"tagName":"service.name"}""",
        "please provide a valid tagName: failed to parse identifier service.name: parse error at line 1, col 2: unknown identifier: service")]
    public async Task A_bad_request_is_InvalidArgument_with_the_text_of_http(string method, string request, string text)
    {
        var call = await CallAsync(method, (JsonObject)JsonNode.Parse(request)!);
        Assert.Equal((3, text), (call.Code, call.Details));
    }

    public void Dispose() => _otlp.Dispose();

    private static string[] Texts(GrpcProgram.Call call, string list)
    {
        Assert.Equal(0, call.Code);
        return [.. call.Messages.SelectMany(m => m.GetProperty(list).EnumerateArray()).Select(t => t.GetString()!)];
    }
}
