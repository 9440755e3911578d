using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>DELETE of a trace: hidden at once and over restarts, of its tenant alone, and only where it is allowed.</summary>
public sealed class TraceDeletionTests
{
    private static readonly TempoSettings Allowed = new()
    {
        Multitenancy = true,
        CompactionCycle = "20ms",
        Storage = "    backend: local\n    trace_deletion_enabled: true\n",
    };

    [Fact]
    public async Task A_trace_is_gone_at_once_and_stays_gone()
    {
        await using var tempo = await TempoProcess.StartAsync(Allowed);
        var (deleted, kept) = (Spans.NewTrace(), Spans.NewTrace());
        using (var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl))
        {
            foreach (var tenant in new[] { "a", "b" })
            {
                Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(deleted), tenant: tenant)).Status);
                Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(kept), tenant: tenant)).Status);
            }
        }

        async Task<int> StatusAsync(IReadOnlyList<SpanFacts> trace, string tenant) =>
            (await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}", tenant: tenant)).Status;
        await tempo.Api.FlushAsync();
        Assert.Equal(204, (await tempo.Api.AskAsync($"/api/traces/{deleted[0].TraceId}", "DELETE", tenant: "a")).Status);
        Assert.Equal((404, 200), (await StatusAsync(deleted, "a"), await StatusAsync(kept, "a")));
        Assert.Equal((200, 200), (await StatusAsync(deleted, "b"), await StatusAsync(kept, "b")));
        Assert.Equal(
            [kept[0].TraceId], (await tempo.Api.SearchAsync("{}", tenant: "a")).Select(static found => found.TraceId.PadLeft(32, '0')));
        await Eventually.HoldsAsync("it is taken out of its block",
            async () => (await tempo.Api.MetricsAsync()).Sum("tempodb_compaction_traces_deleted_total") == 1);

        await tempo.KillAsync();
        await tempo.StartAsync();
        Assert.Equal((404, 200), (await StatusAsync(deleted, "a"), await StatusAsync(kept, "a")));
        Assert.Equal(204, (await tempo.Api.AskAsync($"/api/v2/traces/{kept[0].TraceId}", "DELETE", tenant: "a")).Status);
        Assert.Equal((404, 200), (await StatusAsync(kept, "a"), await StatusAsync(kept, "b")));
        Assert.Equal(400, (await tempo.Api.AskAsync("/api/traces/xyz", "DELETE", tenant: "a")).Status);
        Assert.Equal(400, (await tempo.Api.AskAsync($"/api/traces/{kept[0].TraceId}", "DELETE", tenant: "a|b")).Status);
        Assert.Equal(401, (await tempo.Api.AskAsync($"/api/traces/{kept[0].TraceId}", "DELETE")).Status);
    }

    [Fact]
    public async Task It_is_off_unless_the_configuration_says_so()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings());
        var trace = Spans.NewTrace();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
        var answer = await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}", "DELETE");
        Assert.Equal(405, answer.Status);
        Assert.Contains("trace_deletion_enabled", answer.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}")).Status);
    }
}
