using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>A line of the log for each span that came in and each that was discarded, by Tempo's keys and in its words.</summary>
public sealed class SpanLogTests
{
    [Fact]
    public async Task Spans_that_come_in_and_those_that_a_limit_refuses_are_in_the_log()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            DistributorMore =
                "\n  log_received_spans: {enabled: true}\n  log_discarded_spans: {enabled: true, include_all_attributes: true}",
            Overrides = "{defaults: {global: {max_bytes_per_trace: 2000}}}",
        });
        using var client = new GrpcClient(tempo.OtlpGrpcUrl);
        var (small, large) = (Spans.NewTrace(), Spans.NewTrace(50, name: "too many"));
        var answer = await client.ExportAsync(ExportRequest.Encode([.. small, .. large]));
        Assert.Equal(large.Length, answer.Export().RejectedSpans);
        Assert.Equal(0, await tempo.StopAsync());

        var lines = tempo.Log.Split('\n');
        var ids = small.Concat(large).Select(static span => $"spanid={span.SpanId} traceid={span.TraceId}").ToArray();
        Assert.Equal(
            ids.Order(), lines.Where(static line => line.Contains("msg=received", StringComparison.Ordinal)).Select(IdsOf).Order());
        var discarded = lines.Where(static line => line.Contains("msg=discarded", StringComparison.Ordinal)).ToArray();
        Assert.Equal(ids[1..].Order(), discarded.Select(IdsOf).Order());
        Assert.All(
            discarded, static line => Assert.Contains("span_service_name=system-test span_span_seq=", line, StringComparison.Ordinal));
        Assert.All(discarded, static line => Assert.Contains("span_name=\"too many\"", line, StringComparison.Ordinal));

        static string IdsOf(string line) =>
            line[line.IndexOf("spanid=", StringComparison.Ordinal)..line.IndexOf(" tenant=", StringComparison.Ordinal)];
    }
}
