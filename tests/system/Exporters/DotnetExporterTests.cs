using OpenTelemetry.Exporter;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>Spans made and sent by the OpenTelemetry SDK for .NET come back as they were made.</summary>
public sealed class DotnetExporterTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    [Theory]
    [InlineData(OtlpExportProtocol.Grpc)]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    public async Task Everything_a_span_can_hold_is_returned_live_and_from_a_block(OtlpExportProtocol protocol)
    {
        using var sender = new DotnetSender(protocol, protocol == OtlpExportProtocol.Grpc ? _tempo.OtlpGrpcUrl : _tempo.OtlpHttpUrl);
        sender.MakeTrace();
        Assert.True(await sender.DeliverAsync());

        var traceId = Assert.Single(sender.Made.Select(span => span.TraceId).Distinct());
        var expected = sender.Made;
        SpanFacts.AssertSame(expected, await _tempo.Api.FindTraceAsync(traceId));
        await _tempo.Api.FlushAsync();
        SpanFacts.AssertSame(expected, await _tempo.Api.FindTraceAsync(traceId));
    }
}
