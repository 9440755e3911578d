using System.Text.Json;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Limits on queries that a tenant has, and those of the query frontend for who has none.</summary>
public sealed class QueryLimitTests
{
    private const string Overrides =
        """
        {defaults: {ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}, global: {max_bytes_per_trace: 0}},
         per_tenant_override_config: FILE, per_tenant_override_period: 1h}
        """;

    private const string Ingestion = "ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000}";

    private static readonly string Tight =
        $"overrides: {{tight: {{{Ingestion}, read: {{max_search_duration: 2h, max_metrics_duration: 3h, max_bytes_per_tag_values_query: 40, max_condition_groups_per_tag_query: 2, left_pad_trace_ids: true}}}}, "
        + $"oneblock: {{{Ingestion}, read: {{max_blocks_per_tag_values_query: 1, max_condition_groups_per_tag_query: 100}}}}}}";

    [Fact]
    public async Task A_tenants_limits_hold_for_its_queries_over_http_and_grpc()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Tight);
        try
        {
            await using var tempo = await TempoProcess.StartAsync(new TempoSettings
            {
                Multitenancy = true,
                Overrides = Overrides.Replace("FILE", file, StringComparison.Ordinal).ReplaceLineEndings(" "),
            });
            await RangesAsync(tempo.Api);
            await TagsAsync(tempo);
            await BlocksAsync(tempo);
            await PaddingAsync(tempo);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task RangesAsync(TempoApi api)
    {
        const string search = "/api/search?q=%7B%7D&start=1795200000&end=1795207201";
        Assert.Equal((400, "range specified by start and end exceeds 2h0m0s. received start=1795200000 end=1795207201"),
            await TextAsync(api, search, "tight"));
        Assert.Equal(200, (await TextAsync(api, search, "free")).Status);
        Assert.Equal(400, (await TextAsync(api, search, "free|tight")).Status);
        Assert.Equal(200, (await TextAsync(api, "/api/search?q=%7B%7D&start=1795200000&end=1795207200", "tight")).Status);
        Assert.Equal((400, "range specified by start and end exceeds 2h0m0s. received start=1795200000 end=1795207201"),
            await TextAsync(api, "/api/v2/search/tags?start=1795200000&end=1795207201", "tight"));
        const string metrics = "/api/metrics/query_range?q=%7B%7D%7Crate()&start=1795200000&end=1795221600&step=1m";
        Assert.Equal(
            (400, "metrics query time range exceeds the maximum allowed duration of 3h0m0s"), await TextAsync(api, metrics, "tight"));
        Assert.Equal(200, (await TextAsync(api, metrics, "free")).Status);
    }

    private static async Task TagsAsync(TempoProcess tempo)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        foreach (var tenant in (string[])["tight", "free"])
            for (var i = 0; i < 10; i++)
                await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(1, $"a value of some length {i}")), tenant: tenant);
        Assert.Equal(10, await ValuesAsync(tempo.Api, "free"));
        Assert.InRange(await ValuesAsync(tempo.Api, "tight"), 1, 3);
        Assert.Equal(10, await ValuesAsync(tempo.Api, "free|tight"));
        var groups = "/api/v2/search/tag/name/values?q=" + Uri.EscapeDataString("{ .a = 1 || .b = 2 || .c = 3 }");
        Assert.Equal((400, "maximum condition groups reached (limit: 2). Reduce the number of OR conditions in the query"),
            await TextAsync(tempo.Api, groups, "tight"));
        Assert.Equal(200, (await TextAsync(tempo.Api, groups, "free")).Status);
    }

    // Two blocks of one trace each; the newest is looked into.
    private static async Task BlocksAsync(TempoProcess tempo)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        foreach (var name in (string[])["old", "new"])
        {
            await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(1, name)), tenant: "oneblock");
            await tempo.Api.FlushAsync();
        }

        Assert.Equal(1, await ValuesAsync(tempo.Api, "oneblock"));
    }

    private static async Task PaddingAsync(TempoProcess tempo)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var span = Spans.NewTrace(1, "padded")[0];
        span = span with { TraceId = "0" + span.TraceId[1..] };
        foreach (var tenant in (string[])["tight", "free"]) await otlp.PostAsync(ExportRequest.Encode([span]), tenant: tenant);
        var query = "/api/search?q=" + Uri.EscapeDataString("{ name = \"padded\" }");
        Assert.Contains($"\"traceID\":\"{span.TraceId}\"", (await TextAsync(tempo.Api, query, "tight")).Text, StringComparison.Ordinal);
        Assert.Contains(
            $"\"traceID\":\"{span.TraceId.TrimStart('0')}\"", (await TextAsync(tempo.Api, query, "free")).Text, StringComparison.Ordinal);
    }

    private static async Task<int> ValuesAsync(TempoApi api, string tenant)
    {
        using var json = JsonDocument.Parse((await TextAsync(api, "/api/v2/search/tag/name/values", tenant)).Text);
        return json.RootElement.GetProperty("tagValues").GetArrayLength();
    }

    private static async Task<(int Status, string Text)> TextAsync(TempoApi api, string path, string tenant)
    {
        var answer = await api.AskAsync(path, tenant: tenant);
        return (answer.Status, answer.Text);
    }
}
