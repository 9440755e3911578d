using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>GET /api/search: its parameters and the shape of its answer. What TraceQL finds is tested beside the engine.</summary>
public sealed class SearchTests(SharedTempo shared) : IDisposable
{
    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    [Theory]
    [InlineData("limit=0", "invalid limit: must be a positive number")]
    [InlineData("limit=-1", "invalid limit: strconv.ParseUint: parsing \"-1\": invalid syntax")]
    [InlineData("limit=262145", "limit 262145 exceeds max limit 262144")]
    [InlineData("spss=x", "invalid spss: strconv.ParseUint: parsing \"x\": invalid syntax")]
    [InlineData("spss=101", "spans per span set exceeds 100. received 101")]
    [InlineData("start=x&end=5", "invalid start: strconv.ParseUint: parsing \"x\": invalid syntax")]
    [InlineData("start=1.5&end=5", "invalid start: strconv.ParseUint: parsing \"1.5\": invalid syntax")]
    [InlineData("start=1&end=1795221253358980137", "invalid end: strconv.ParseUint: parsing \"1795221253358980137\": value out of range")]
    [InlineData("start=1795221000", "http parameter start must be before end. received start=1795221000 end=0")]
    [InlineData("end=1795221000", "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("start=10&end=5", "http parameter start must be before end. received start=10 end=5")]
    [InlineData("start=1000000000&end=1000604801",
        "range specified by start and end exceeds 168h0m0s. received start=1000000000 end=1000604801")]
    [InlineData("since=-1h", "error parsing date range: could not parse 'since' parameter: not a valid duration string: \"-1h\"")]
    [InlineData("minDuration=x", "invalid minDuration: time: invalid duration \"x\"")]
    [InlineData("maxDuration=100", "invalid maxDuration: time: missing unit in duration \"100\"")]
    [InlineData("minDuration=2s&maxDuration=1s", "invalid maxDuration: must be greater than minDuration")]
    [InlineData("q={}&tags=a=b", "invalid request: can't specify tags and q in the same query")]
    [InlineData("tags=a=%22x", "invalid tags: unterminated quoted value at pos 5")]
    [InlineData("q={.a=1", "invalid TraceQL query: parse error at line 1, col 6: syntax error: unexpected $end")]
    [InlineData("q={.a=}", "invalid TraceQL query: parse error at line 1, col 5: syntax error: unexpected }")]
    [InlineData("q=foo", "invalid TraceQL query: parse error at line 1, col 1: syntax error: unexpected IDENTIFIER")]
    public async Task A_bad_parameter_is_400_with_tempos_text(string query, string text)
    {
        var answer = await _api.AskAsync("/api/search?" + query);
        Assert.Equal((400, "text/plain"), (answer.Status, answer.ContentType));
        Assert.Equal(text, answer.Text);
    }

    [Fact]
    public async Task A_query_text_over_the_limit_is_400()
    {
        // The request line itself may be that long only where the server's line limit lets it through; either is a clear refusal.
        var answer = await _api.AskAsync("/api/search?q={name=%22" + new string('a', 131_073) + "%22}");
        Assert.True(answer.Status is 400 or 414, answer.Status.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_huge_limit_costs_nothing()
    {
        var answer = await _api.AskAsync("/api/search?q={name=%22no such span%22}&limit=262144&spss=100");
        Assert.Equal(200, answer.Status);
        Assert.StartsWith("{\"traces\":[],\"metrics\":{", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hit_has_the_members_of_tempos_answer_in_their_order()
    {
        var spans = Spans.NewTrace(4, name: "handle a hit");
        await SendAsync(spans);

        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var answer = await _api.AskAsync(
            $"/api/search?q={Uri.EscapeDataString("{ name = \"handle a hit\" }")}&spss=1&start={now - 600}&end={now + 10}");
        Assert.Equal((200, "application/json"), (answer.Status, answer.ContentType));

        var (id, start) = (spans[0].TraceId, spans[0].StartUnixNano);
        var set = $"{{\"spans\":[{{\"spanID\":\"{spans[0].SpanId}\",\"name\":\"handle a hit\",\"startTimeUnixNano\":\"{start}\",\"durationNanos\":\"1000000\"}}],\"matched\":4}}";
        var expected = $"{{\"traces\":[{{\"traceID\":\"{id}\",\"rootServiceName\":\"system-test\",\"rootTraceName\":\"handle a hit\","
            + $"\"startTimeUnixNano\":\"{start}\",\"durationMs\":1,\"spanSet\":{set},\"spanSets\":[{set}],"
            + "\"serviceStats\":{\"system-test\":{\"spanCount\":4}}}],\"metrics\":{";
        Assert.StartsWith(expected, answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_newest_traces_come_first_and_as_many_as_the_limit_says()
    {
        var start = Spans.NewTrace()[0].StartUnixNano;
        var traces = Enumerable.Range(0, 5).Select(
            age => Spans.NewTrace(name: "by age")[0] with { StartUnixNano = start - (ulong)age * 1_000_000_000, EndUnixNano = start })
                .ToArray();
        await SendAsync([.. traces.Reverse()]);

        var found = await _api.SearchAsync("{ name = \"by age\" }");
        Assert.Equal(traces.Select(t => t.TraceId), found.Select(hit => hit.TraceId));
        Assert.Equal(3, (await _api.SearchAsync("{ name = \"by age\" }", limit: 3)).Count);
    }

    [Theory]
    [InlineData("{ span.flavour = \"sweet\" }", true)]
    [InlineData("{ .flavour = \"sweet\" && .count > 6 }", true)]
    [InlineData("{ resource.service.name = \"searched\" }", true)]
    [InlineData("{ .flavour =~ \"sw.*\" }", true)]
    [InlineData("{ .flavour = \"sour\" }", false)]
    [InlineData("{ .count > 7 }", false)]
    public async Task Attributes_are_found_live_and_in_a_block(string query, bool matches)
    {
        // Scoped by the trace's own id, so that the runs of this theory do not see each other.
        var span = Spans.NewTrace(name: query)[0] with
        {
            Attributes = [new("flavour", "string:sweet"), new("count", "int:7")],
            Resource = [new("service.name", "string:searched")],
        };
        await SendAsync(span);
        var mine = query.Replace("}", $"&& trace:id = \"{span.TraceId}\" }}", StringComparison.Ordinal);

        var expected = matches ? new[] { (span.TraceId, 1) } : [];
        Assert.Equal(expected, await _api.SearchAsync(mine));
        await _api.FlushAsync();
        Assert.Equal(expected, await _api.SearchAsync(mine));
    }

    [Fact]
    public async Task Without_a_query_the_legacy_search_answers_without_span_sets()
    {
        await SendAsync(Spans.NewTrace());
        var answer = await _api.AskAsync("/api/search");
        Assert.Equal(200, answer.Status);
        using var json = JsonDocument.Parse(answer.Body);
        Assert.All(json.RootElement.GetProperty("traces").EnumerateArray(), trace => Assert.False(trace.TryGetProperty("spanSets", out _)));
    }

    [Fact]
    public async Task Pages_follow_each_other()
    {
        var name = "paged " + Guid.NewGuid().ToString("N", System.Globalization.CultureInfo.InvariantCulture);
        for (var i = 0; i < 3; i++) await SendAsync(Spans.NewTrace(1, name: name));
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var url = $"/api/search?q={Uri.EscapeDataString($"{{ name = \"{name}\" }} with(order_by=duration)")}&limit=2&start={now - 600}&end={now + 10}&cursor=";
        var first = JsonDocument.Parse((await _api.AskAsync(url)).Text).RootElement;
        Assert.Equal((2, "3", true), (first.GetProperty("traces").GetArrayLength(), first.GetProperty("total").GetString(),
            first.GetProperty("hasMore").GetBoolean()));
        var next = JsonDocument.Parse(
            (await _api.AskAsync(url + Uri.EscapeDataString(first.GetProperty("cursor").GetString()!))).Text).RootElement;
        Assert.Equal((1, "3", false), (next.GetProperty("traces").GetArrayLength(), next.GetProperty("total").GetString(),
            next.GetProperty("hasMore").GetBoolean()));
    }

    public void Dispose() => _otlp.Dispose();

    private async Task SendAsync(params SpanFacts[] spans)
    {
        var answer = await _otlp.PostAsync(ExportRequest.Encode(spans));
        Assert.True(answer.Status == 200, answer.ToString());
    }
}
