using System.Text.Json;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>The tag endpoints: shapes, ranges, negotiation, and that a name is found live, in a block and after a restart.</summary>
public sealed class TagTests(SharedTempo shared) : IDisposable
{
    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    [Theory]
    [InlineData("/api/search/tags?scope=foo", "invalid scope: foo")]
    [InlineData("/api/v2/search/tags?scope=all", "invalid scope: all")]
    [InlineData("/api/v2/search/tags?start=x&end=1",
        "error parsing date range: could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("/api/search/tag/x/values?start=5",
        "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("/api/v2/search/tag/.x/values?start=10&end=5",
        "range specified by start and end exceeds 168h0m0s. received start=10 end=5")]
    [InlineData("/api/v2/search/tag/service.name/values",
        "please provide a valid tagName: failed to parse identifier service.name: parse error at line 1, col 2: unknown identifier: service")]
    [InlineData("/api/v2/search/tag/span.customer%20id/values",
        "please provide a valid tagName: failed to parse identifier span.customer id: parse error at line 1, col 16: syntax error: unexpected id")]
    [InlineData("/api/v2/search/tag/%7B/values",
        "please provide a valid tagName: failed to parse identifier {: parse error at line 1, col 2: syntax error: unexpected {")]
    public async Task A_bad_request_is_400_with_tempos_text(string path, string text)
    {
        var answer = await _api.AskAsync(path);
        Assert.Equal((400, "text/plain"), (answer.Status, answer.ContentType));
        Assert.Equal(text, answer.Text);
    }

    [Theory]
    [InlineData("/api/v2/search/tags?scope=trace", """{"scopes":[],"metrics":{}}""")]
    [InlineData("/api/v2/search/tag/status/values",
        """{"tagValues":[{"type":"keyword","value":"error"},{"type":"keyword","value":"ok"},{"type":"keyword","value":"unset"}],"metrics":{}}""")]
    [InlineData("/api/v2/search/tag/duration/values", """{"tagValues":[],"metrics":{}}""")]
    [InlineData("/api/v2/search/tag/parent.foo/values", """{"tagValues":[],"metrics":{}}""")]
    [InlineData("/api/search/tag/error/values", """{"tagValues":["true"],"metrics":{}}""")]
    public async Task Fixed_answers(string path, string json)
    {
        var answer = await _api.AskAsync(path);
        Assert.Equal((200, "application/json"), (answer.Status, answer.ContentType));
        Assert.Equal(json, answer.Text);
    }

    [Fact]
    public async Task Intrinsics_are_listed_in_version_2_and_on_demand_in_version_1()
    {
        Assert.Contains("{\"name\":\"intrinsic\",\"tags\":[\"duration\",\"event:name\",", (await _api.AskAsync("/api/v2/search/tags")).Text,
            StringComparison.Ordinal);
        Assert.StartsWith("{\"tagNames\":[\"duration\",\"event:name\",", (await _api.AskAsync("/api/search/tags?scope=intrinsic")).Text,
            StringComparison.Ordinal);
        Assert.DoesNotContain("event:timeSinceStart", (await _api.AskAsync("/api/search/tags")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_and_values_are_there_at_once_and_stay_when_they_are_in_a_block()
    {
        var key = "tag test/" + Guid.NewGuid().ToString("N");
        await SendAsync(key, "on <the> way");
        var live = await CheckAsync();
        await _api.FlushAsync();
        Assert.Equal(live, await CheckAsync());

        async Task<string> CheckAsync()
        {
            Assert.Contains(key, await NamesAsync("span"));
            Assert.DoesNotContain(key, await NamesAsync("resource"));
            Assert.Contains(key, JsonDocument.Parse((await _api.AskAsync("/api/search/tags")).Text).RootElement.GetProperty("tagNames")
                .EnumerateArray().Select(static name => name.GetString()!));
            var identifier = Uri.EscapeDataString($"span.\"{key}\"");
            var values = await _api.AskAsync($"/api/v2/search/tag/{identifier}/values");
            Assert.StartsWith("{\"tagValues\":[{\"type\":\"string\",\"value\":\"on \\u003cthe\\u003e way\"}],\"metrics\":{", values.Text,
                StringComparison.Ordinal);
            Assert.StartsWith("{\"tagValues\":[\"on \\u003cthe\\u003e way\"],",
                (await _api.AskAsync($"/api/search/tag/{Uri.EscapeDataString(key)}/values")).Text, StringComparison.Ordinal);

            // Only on the spans that the query leaves over; a query that is half typed filters by what is there.
            foreach (var (query, found) in new[] { ("{ resource.service.name = \"system-test\" && }", true),
                ("{ resource.service.name = \"another\" }", false) })
            {
                var filtered = await _api.AskAsync($"/api/v2/search/tag/{identifier}/values?q={Uri.EscapeDataString(query)}");
                Assert.Equal(found, filtered.Text.Contains("on \\u003c", StringComparison.Ordinal));
            }

            return values.Text[..values.Text.IndexOf("\"metrics\"", StringComparison.Ordinal)];
        }
    }

    [Fact]
    public async Task Protobuf_and_the_form_for_models_are_answered_on_demand()
    {
        var status = await _api.AskAsync("/api/v2/search/tag/status/values", accept: "application/protobuf");
        Assert.Equal((200, "application/protobuf"), (status.Status, status.ContentType));
        Assert.Equal("0a100a076b6579776f726412056572726f72" + "0a0d0a076b6579776f726412026f6b" + "0a100a076b6579776f72641205756e7365741200",
            Convert.ToHexStringLower(status.Body));
        var models = await _api.AskAsync("/api/v2/search/tag/status/values", accept: "application/vnd.grafana.llm");
        Assert.Equal("application/vnd.grafana.llm+json", models.ContentType);
        Assert.Equal("""{"tagValues":{"keyword":["error","ok","unset"]},"metrics":{}}""", models.Text);
    }

    public void Dispose() => _otlp.Dispose();

    private async Task<List<string>> NamesAsync(string scope)
    {
        var answer = await _api.AskAsync($"/api/v2/search/tags?scope={scope}");
        Assert.True(answer.Status == 200, answer.ToString());
        using var json = JsonDocument.Parse(answer.Body);
        return [.. json.RootElement.GetProperty("scopes").EnumerateArray().SelectMany(static s => s.GetProperty("tags").EnumerateArray())
            .Select(static name => name.GetString()!)];
    }

    private async Task SendAsync(string key, string value)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        var id = Guid.NewGuid().ToString("N");
        var body = JsonSerializer.Serialize(new
        {
            resourceSpans = new[]
            {
                new
                {
                    resource = new { attributes = new[] { new { key = "service.name", value = new { stringValue = "system-test" } } } },
                    scopeSpans = new[]
                    {
                        new
                        {
                            spans = new[]
                            {
                                new
                                {
                                    traceId = id,
                                    spanId = id[..16],
                                    name = "tagged",
                                    startTimeUnixNano = $"{now}",
                                    endTimeUnixNano = $"{now + 1000}",
                                    attributes = new[] { new { key, value = new { stringValue = value } } },
                                },
                            },
                        },
                    },
                },
            },
        });
        var answer = await _otlp.PostAsync(System.Text.Encoding.UTF8.GetBytes(body), "application/json");
        Assert.Equal(200, answer.Status);
    }
}
