using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Ring;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>A counter for each name and service of the spans that come in, by Tempo's key.</summary>
public sealed class SpanCountTests
{
    private const string Family = "tempo_distributor_debug_spans_received_total";
    private const string On = "\n  metric_received_spans: {enabled: true}", Limits = "{defaults: {global: {max_bytes_per_trace: 2000}}}";

    [Fact]
    public async Task Spans_that_come_in_are_counted_and_without_the_key_nothing_is()
    {
        await using var off = await TempoProcess.StartAsync(new TempoSettings());
        Assert.DoesNotContain(Family, (await off.Api.AskAsync("/metrics")).Text, StringComparison.Ordinal);

        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { DistributorMore = On, Overrides = Limits });
        using var client = new GrpcClient(tempo.OtlpGrpcUrl);
        var (small, large) = (Spans.NewTrace(3, name: "GET \"/\"\n"), Spans.NewTrace(50, name: "too many"));
        await client.ExportAsync(ExportRequest.Encode([.. small, .. large]));
        var page = (await tempo.Api.AskAsync("/metrics")).Text;
        const string begin = Family + "{tenant=\"single-tenant\",name=", service = ",service=\"system-test\"} ";
        Assert.Contains(begin + "\"GET \\\"/\\\"\\n\"" + service + "3\n", page, StringComparison.Ordinal);
        Assert.Contains(begin + "\"too many\"" + service + "50\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_a_ring_a_span_is_counted_once_where_it_came_in()
    {
        var settings = new RingSettings { ReplicationFactor = 3, IsStatic = true, DistributorMore = On };
        await using var ring = await RingCluster.StartAsync(settings);
        using var client = new GrpcClient(ring.Nodes[0].OtlpGrpcUrl);
        for (var i = 0; i < 10; i++) await client.ExportAsync(ExportRequest.Encode(Spans.NewTrace(7)));
        Assert.Equal(70, (await ring.Nodes[0].Api.MetricsAsync()).Sum(Family, "name=\"span\""));
        foreach (var other in ring.Nodes.Skip(1)) Assert.Equal(0, (await other.Api.MetricsAsync()).Sum(Family));
    }
}
