using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>Spans made and sent by the OpenTelemetry SDK for JavaScript come back as they were made.</summary>
public sealed class NodeExporterTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    [Theory]
    [InlineData("grpc")]
    [InlineData("proto")]
    [InlineData("json")]
    public async Task Everything_a_span_can_hold_is_returned_live_and_from_a_block(string protocol)
    {
        var sent = await NodeProgram.SendAsync(protocol, _tempo, "everything.json");
        Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        Assert.Empty(sent.Warnings);

        var traceId = Assert.Single(sent.Spans.Select(span => span.TraceId).Distinct());
        var expected = sent.Spans;
        SpanFacts.AssertSame(expected, await _tempo.Api.FindTraceAsync(traceId));
        await _tempo.Api.FlushAsync();
        SpanFacts.AssertSame(expected, await _tempo.Api.FindTraceAsync(traceId));
    }

    [Theory]
    [InlineData("grpc")]
    [InlineData("proto")]
    [InlineData("json")]
    public async Task A_partial_success_is_a_warning_that_the_sdk_shows(string protocol)
    {
        var sent = await NodeProgram.SendAsync(protocol, _tempo, "partial.json");

        Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        var warning = Assert.Single(sent.Warnings);
        Assert.Contains("partial", warning, StringComparison.OrdinalIgnoreCase);
        foreach (var span in sent.Spans)
            Assert.Equal(span.SpanId == "0000000000000000" ? 0 : 1, (await _tempo.Api.FindTraceAsync(span.TraceId)).Count);
    }
}
