using System.Net;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>POST /api/v2/traces/diff.</summary>
public sealed class TraceDiffTests(SharedTempo shared)
{
    [Fact]
    public async Task Two_traces_are_compared()
    {
        using var otlp = new OtlpHttpClient(shared.Tempo.OtlpHttpUrl);
        var (before, after) = (Spans.NewTrace(3, "compared"), Spans.NewTrace(4, "compared"));
        after[1] = after[1] with { StatusCode = 2 };
        foreach (var trace in new[] { before, after }) Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
        var body = $$"""{"base":{"traceId":"{{before[0].TraceId}}"},"compare":{"traceId":"{{after[0].TraceId}}"},"format":"trace-summary-v0-composed"}""";
        var (status, text) = await PostAsync(body);
        Assert.Equal(HttpStatusCode.OK, status);
        using var json = JsonDocument.Parse(text);
        Assert.Equal(("increased", 1), (json.RootElement.GetProperty("signals").GetProperty("errors").GetString(),
            json.RootElement.GetProperty("stats").GetProperty("addedSpans").GetInt32()));
        Assert.Equal(3, json.RootElement.GetProperty("patch").GetProperty("stats").GetProperty("matchedSpans").GetInt32());
    }

    [Fact]
    public async Task What_cannot_be_compared_says_why()
    {
        Assert.Equal(
            (HttpStatusCode.NotFound, "Not Found"), await PostAsync("""{"base":{"traceId":"123456789abc"},"compare":{"traceId":"1"}}"""));
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync("{}")).Status);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await PostAsync(new string(' ', 65 << 10))).Status);
        Assert.Equal(405, (await shared.Tempo.Api.AskAsync("/api/v2/traces/diff")).Status);
    }

    [Fact]
    public async Task A_trace_beyond_the_tenants_limit_is_partial()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var trace = Spans.NewTrace(50);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
        Assert.Equal(0, await tempo.StopAsync());
        await File.WriteAllTextAsync(tempo.ConfigFile,
            (await File.ReadAllTextAsync(tempo.ConfigFile)).Replace(
                "max_bytes_per_trace: 0", "max_bytes_per_trace: 300", StringComparison.Ordinal));
        await tempo.StartAsync();
        var (status, text) =
            await PostAsync($$$"""{"base":{"traceId":"{{{trace[0].TraceId}}}"},"compare":{"traceId":"{{{trace[0].TraceId}}}"}}""", tempo);
        Assert.Equal(
            (HttpStatusCode.UnprocessableEntity, "base: the trace is partial: trace exceeds max size (max bytes: 300)"), (status, text));
    }

    private async Task<(HttpStatusCode Status, string Text)> PostAsync(string body, TempoProcess? tempo = null)
    {
        using var http = new HttpClient();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri($"http://{(tempo ?? shared.Tempo).ApiAddress}/api/v2/traces/diff"), content);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
