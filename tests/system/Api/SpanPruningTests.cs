using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary><c>span_pruning</c> of a trace by its id: only where it is enabled, and said in the answer.</summary>
public sealed class SpanPruningTests(SharedTempo shared)
{
    [Fact]
    public async Task Similar_spans_are_one_where_it_is_enabled()
    {
        await using var tempo =
            await TempoProcess.StartAsync(new TempoSettings { More = "query_frontend: {trace_by_id: {span_pruning_enabled: true}}\n" });
        var spans = Spans.NewTrace(10);
        spans = [.. spans.Select((s, i) => s with { ParentSpanId = i == 0 ? "" : spans[0].SpanId, Name = i == 0 ? "root" : "again" })];
        foreach (var server in new[] { tempo, shared.Tempo })
        {
            using var otlp = new OtlpHttpClient(server.OtlpHttpUrl);
            Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(spans))).Status);
        }

        var path = $"/api/v2/traces/{spans[0].TraceId}?span_pruning=true";
        using var pruned = JsonDocument.Parse((await tempo.Api.AskAsync(path)).Body);
        Assert.Equal(2, TraceJson.SpansOfTrace(pruned.RootElement.GetProperty("trace")).Count);
        Assert.Equal(("PARTIAL", "Trace pruned, 8 spans are returned within summaries of similar spans"),
            (pruned.RootElement.GetProperty("status").GetString(), pruned.RootElement.GetProperty("message").GetString()));
        foreach (var (server, more) in new[] { (tempo, "&span_pruning_min_spans=10"), (tempo, "&span_pruning_group_by=span.*"),
            (shared.Tempo, "") })
        {
            using var whole = JsonDocument.Parse((await server.Api.AskAsync(path + more)).Body);
            Assert.Equal(10, TraceJson.SpansOfTrace(whole.RootElement.GetProperty("trace")).Count);
            Assert.False(whole.RootElement.TryGetProperty("status", out _));
        }

        foreach (var (parameters, text) in new[] { ("?span_pruning=maybe",
            "invalid span_pruning: strconv.ParseBool: parsing \"maybe\": invalid syntax"),
                ("?span_pruning=1&span_pruning_min_spans=1", "invalid span_pruning_min_spans: must be at least 2"),
                ("?span_pruning=1&span_pruning_max_parent_depth=-2", "invalid span_pruning_max_parent_depth: must be at least -1") })
            Assert.Equal((400, text), await tempo.Api.AskAsync($"/api/v2/traces/{spans[0].TraceId}{parameters}") is var answer
                ? (answer.Status, answer.Text)
                : default);
    }
}
