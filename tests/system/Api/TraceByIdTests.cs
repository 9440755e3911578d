using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>GET /api/traces/{id} (v1) and /api/v2/traces/{id}: what Grafana opens a trace with.</summary>
public sealed class TraceByIdTests(SharedTempo shared) : IDisposable
{
    private const string Protobuf = "application/protobuf";

    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    /// <summary>Of a later OTLP, or of nobody's; in live data and in a block.</summary>
    [Fact]
    public async Task A_kind_and_a_status_that_are_not_known_keep_their_numbers()
    {
        var span = Spans.NewTrace()[0] with { Kind = 9, StatusCode = 7 };
        await SendAsync(span);
        await CheckAsync();
        await _api.FlushAsync();
        await CheckAsync();
        Assert.Single(await _api.SearchAsync($"{{ name = \"{span.Name}\" && kind = unspecified && status = unset }}"));

        async Task CheckAsync()
        {
            var text = (await _api.AskAsync($"/api/v2/traces/{span.TraceId}")).Text;
            Assert.Contains("\"kind\":9", text, StringComparison.Ordinal);
            Assert.Contains("\"code\":7", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Both_versions_write_a_trace_as_tempo_does()
    {
        var span = Spans.NewTrace()[0] with { Name = "a<b>&c", StatusCode = 2, StatusMessage = "boom" };
        await SendAsync(span);

        var id = Convert.ToBase64String(Convert.FromHexString(span.TraceId));
        var batches = "[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"system-test\"}}]},"
            + "\"scopeSpans\":[{\"scope\":{\"name\":\"system\",\"version\":\"1\"},\"spans\":[{"
            + $"\"traceId\":\"{id}\",\"spanId\":\"oAAAAAAAAAE=\",\"name\":\"a\\u003cb\\u003e\\u0026c\",\"kind\":\"SPAN_KIND_SERVER\","
            + $"\"startTimeUnixNano\":\"{span.StartUnixNano}\",\"endTimeUnixNano\":\"{span.EndUnixNano}\","
            + "\"attributes\":[{\"key\":\"span.seq\",\"value\":{\"intValue\":\"0\"}}],\"status\":{\"message\":\"boom\",\"code\":\"STATUS_CODE_ERROR\"}}]}]}]";

        Assert.Equal($"{{\"batches\":{batches}}}", (await _api.AskAsync($"/api/traces/{span.TraceId}")).Text);
        var v2 = await _api.AskAsync($"/api/v2/traces/{span.TraceId}");
        Assert.StartsWith($"{{\"trace\":{{\"resourceSpans\":{batches}}},\"metrics\":{{", v2.Text, StringComparison.Ordinal);
        Assert.Equal("application/json", v2.ContentType);
    }

    [Fact]
    public async Task A_trace_that_is_not_there_is_404_in_v1_and_an_empty_trace_in_v2()
    {
        var v1 = await _api.AskAsync("/api/traces/1234567890");
        Assert.Equal((404, "", 0), (v1.Status, v1.ContentType, v1.Body.Length));

        var v2 = await _api.AskAsync("/api/v2/traces/1234567890");
        Assert.Equal((200, "{\"trace\":{},\"metrics\":{}}"), (v2.Status, v2.Text));

        var protobuf = await _api.AskAsync("/api/v2/traces/1234567890", accept: Protobuf);
        Assert.Equal((200, Protobuf, "0A001200"), (protobuf.Status, protobuf.ContentType, Convert.ToHexString(protobuf.Body)));
    }

    [Fact]
    public async Task The_mode_and_the_ids_of_blocks_say_where_to_look()
    {
        var span = Spans.NewTrace()[0];
        await SendAsync(span);
        async Task<int> StatusAsync(string query) => (await _api.AskAsync($"/api/traces/{span.TraceId}?{query}")).Status;
        Assert.Equal(
            (200, 200, 404), (await StatusAsync("mode=all"), await StatusAsync("mode=ingesters"), await StatusAsync("mode=blocks")));
        await _api.FlushAsync();
        Assert.Equal(
            (200, 404, 200), (await StatusAsync("mode=all"), await StatusAsync("mode=ingesters"), await StatusAsync("mode=blocks")));
        const string first = "00000000-0000-0000-0000-000000000000", last = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";
        Assert.Equal((200, 404), (await StatusAsync($"blockStart={first}&blockEnd={last}"), await StatusAsync($"blockStart={last}")));
    }

    [Theory]
    [InlineData("text/html, application/protobuf;q=0.9", Protobuf)]
    [InlineData("application/json, application/protobuf", Protobuf)]
    [InlineData("*/*", "application/json")]
    [InlineData("application/x-protobuf", "application/json")]
    public async Task Accept_is_searched_for_the_protobuf_type(string accept, string contentType)
    {
        var span = Spans.NewTrace()[0];
        await SendAsync(span);
        Assert.Equal(contentType, (await _api.AskAsync($"/api/v2/traces/{span.TraceId}", accept: accept)).ContentType);
    }

    [Fact]
    public async Task Protobuf_answers_hold_the_spans()
    {
        var spans = Spans.NewTrace(3);
        await SendAsync(spans);

        var v1 = new ProtobufFields((await _api.AskAsync($"/api/traces/{spans[0].TraceId}", accept: Protobuf)).Body);
        var v2 = new ProtobufFields((await _api.AskAsync($"/api/v2/traces/{spans[0].TraceId}", accept: Protobuf)).Body).Message(1);
        foreach (var trace in new[] { v1, v2 })
            Assert.Equal(3, trace.Messages(1).SelectMany(resourceSpans => resourceSpans.Messages(2))
                .Sum(scopeSpans => scopeSpans.Messages(2).Count()));
    }

    [Fact]
    public async Task Short_and_odd_ids_are_padded_with_zeros_and_upper_case_is_read()
    {
        var span = Spans.NewTrace()[0] with { TraceId = "00000000000000000000000000000abc" };
        await SendAsync(span);
        foreach (var id in new[] { "abc", "0ABC", "00000000000000000000000000000abc" })
            SpanFacts.AssertSame([span], await _api.FindTraceAsync(id));
    }

    [Theory]
    [InlineData("abcx", "trace IDs can only contain hex characters: invalid character 'x' at position 4")]
    [InlineData("000000000000000000000000000000001", "trace IDs can't be larger than 128 bits")]
    [InlineData("1?start=x", "invalid start: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("1?end=x", "invalid end: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("1?start=10&end=5", "http parameter start must be before end. received start=10 end=5")]
    [InlineData("1?start=10&end=10", "http parameter start must be before end. received start=10 end=10")]
    [InlineData("1?mode=foo", "invalid value for mode foo")]
    [InlineData("1?mode=recent", "invalid value for mode recent")]
    [InlineData("1?blockStart=1", "invalid value for blockstart: invalid UUID length: 1")]
    [InlineData("1?blockEnd=1", "invalid value for blockEnd: invalid UUID length: 1")]
    public async Task A_bad_parameter_is_400_with_tempos_text(string idAndQuery, string text)
    {
        foreach (var version in new[] { "/api/traces/", "/api/v2/traces/" })
        {
            var answer = await _api.AskAsync(version + idAndQuery);
            Assert.Equal((400, "text/plain", text), (answer.Status, answer.ContentType, answer.Text));
        }
    }

    [Theory]
    [InlineData("application/vnd.grafana.llm", "application/vnd.grafana.llm+json")]
    [InlineData("application/vnd.grafana.llm+json", "application/vnd.grafana.llm+json")]
    [InlineData("application/vnd.grafana.llm, application/json", "application/json")]
    [InlineData("application/vnd.grafana.llm, application/protobuf", Protobuf)]
    public async Task Language_models_get_a_form_of_their_own(string accept, string contentType)
    {
        var span = Spans.NewTrace()[0];
        await SendAsync(span);
        var answer = await _api.AskAsync($"/api/v2/traces/{span.TraceId}", accept: accept);
        Assert.Equal(contentType, answer.ContentType);
        if (contentType.Contains("llm", StringComparison.Ordinal))
            Assert.StartsWith($"{{\"trace\":{{\"traceId\":\"{span.TraceId}\",\"services\":[{{\"serviceName\":\"system-test\",\"scopes\":[",
                answer.Text, StringComparison.Ordinal);

        // Version 1 answers its plain JSON under the name that was asked for.
        var v1 = await _api.AskAsync($"/api/traces/{span.TraceId}", accept: accept);
        Assert.Equal(contentType.Contains("llm", StringComparison.Ordinal) ? "application/vnd.grafana.llm" : contentType, v1.ContentType);
    }

    [Fact]
    public async Task A_filter_leaves_the_matching_spans_and_says_so()
    {
        var spans = Spans.NewTrace(5);
        await SendAsync(spans);
        var path = $"/api/v2/traces/{spans[0].TraceId}?q={Uri.EscapeDataString("{ span.span.seq = 3 }")}";
        foreach (var (more, expected) in new[] { ("", new[] { 3 }), ("&keep_hierarchy=true", [0, 3]),
            ("&keep_hierarchy=1&ancestor_depth=0", [3]) })
        {
            using var json = System.Text.Json.JsonDocument.Parse((await _api.AskAsync(path + more)).Body);
            Assert.Equal(expected.Select(i => spans[i].SpanId),
                TraceJson.SpansOfTrace(json.RootElement.GetProperty("trace")).Select(s => s.SpanId).Order(StringComparer.Ordinal));
            Assert.Equal("PARTIAL", json.RootElement.GetProperty("status").GetString());
            Assert.Equal("Trace filtered, only a subset of spans matching the filter is returned",
                json.RootElement.GetProperty("message").GetString());
        }

        Assert.DoesNotContain(
            "status\":\"PARTIAL", (await _api.AskAsync($"/api/v2/traces/{spans[0].TraceId}?q=%7B%7D")).Text, StringComparison.Ordinal);
        var bad = await _api.AskAsync($"/api/v2/traces/{spans[0].TraceId}?q=%7B");
        Assert.Equal((400, "invalid TraceQL filter: parse error at line 1, col 2: syntax error: unexpected $end"), (bad.Status, bad.Text));
    }

    [Fact]
    public async Task A_trace_of_many_megabytes_comes_whole_in_every_form()
    {
        var spans = Spans.NewTrace(12_000).Select(
            span => span with { Attributes = [new("text", "string:" + new string('x', 500) + span.SpanId)] }).ToArray();
        foreach (var batch in spans.Chunk(3000)) await SendAsync(batch);
        var path = $"/api/v2/traces/{spans[0].TraceId}";
        using var json = System.Text.Json.JsonDocument.Parse((await _api.AskAsync(path)).Body);
        SpanFacts.AssertSame(spans, TraceJson.SpansOfTrace(json.RootElement.GetProperty("trace")));
        var zipped = await _api.AskAsync(path, acceptEncoding: "gzip");
        await using var gzip =
            new System.IO.Compression.GZipStream(new MemoryStream(zipped.Body), System.IO.Compression.CompressionMode.Decompress);
        using var unzipped = await System.Text.Json.JsonDocument.ParseAsync(gzip);
        SpanFacts.AssertSame(spans, TraceJson.SpansOfTrace(unzipped.RootElement.GetProperty("trace")));
        var protobuf = new ProtobufFields((await _api.AskAsync(path, accept: Protobuf)).Body);
        Assert.Equal(spans.Length, protobuf.Messages(1).SelectMany(trace => trace.Messages(1)).SelectMany(r => r.Messages(2))
            .Sum(s => s.Messages(2).Count()));
    }

    [Fact]
    public async Task The_method_does_not_matter_but_for_deleting()
    {
        var span = Spans.NewTrace()[0];
        await SendAsync(span);
        var get = (await _api.AskAsync($"/api/traces/{span.TraceId}")).Text;
        foreach (var method in new[] { "POST", "PUT", "OPTIONS" })
            Assert.Equal(get, (await _api.AskAsync($"/api/traces/{span.TraceId}", method)).Text);
    }

    [Fact]
    public async Task A_large_answer_is_compressed_for_who_takes_gzip()
    {
        var spans = Spans.NewTrace(50);
        await SendAsync(spans);

        var plain = await _api.AskAsync($"/api/traces/{spans[0].TraceId}");
        var gzip = await _api.AskAsync($"/api/traces/{spans[0].TraceId}", acceptEncoding: "gzip");
        Assert.Equal("gzip", gzip.Headers["Content-Encoding"]);
        Assert.True(gzip.Body.Length < plain.Body.Length / 2);
        Assert.Equal("Accept-Encoding", plain.Headers["Vary"]);

        var small = await _api.AskAsync("/api/v2/traces/1234567890", acceptEncoding: "gzip");
        Assert.False(small.Headers.ContainsKey("Content-Encoding"));
        Assert.Equal("Accept-Encoding", small.Headers["Vary"]);
    }

    public void Dispose() => _otlp.Dispose();

    private async Task SendAsync(params SpanFacts[] spans)
    {
        var answer = await _otlp.PostAsync(ExportRequest.Encode(spans));
        Assert.True(answer.Status == 200, answer.ToString());
    }
}
