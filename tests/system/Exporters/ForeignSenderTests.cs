using System.Text.Json;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>Spans that other people's libraries make and send in the protocols of Zipkin and Jaeger come back as they were made.</summary>
public sealed class ForeignSenderTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    [Theory]
    [InlineData("zipkin")]
    [InlineData("jaeger-http")]
    [InlineData("jaeger-udp")]
    [InlineData("jaeger-grpc")]
    [InlineData("otel-zipkin")]
    [InlineData("otel-jaeger-http")]
    [InlineData("otel-jaeger-udp")]
    public async Task A_trace_of_two_spans_is_found_as_it_was_made(string kind)
    {
        var target = kind switch
        {
            "zipkin" => _tempo.ZipkinUrl,
            "otel-zipkin" => _tempo.ZipkinUrl + "/api/v2/spans",
            "jaeger-grpc" => _tempo.JaegerGrpcUrl,
            "jaeger-udp" or "otel-jaeger-udp" => $"127.0.0.1:{_tempo.Ports.JaegerBinary}",
            _ => _tempo.JaegerHttpUrl,
        };
        using var sent = await NodeProgram.SendForeignAsync(kind, target);
        var traceId = sent.RootElement.GetProperty("traceId").GetString()!.PadLeft(32, '0');

        await Eventually.HoldsAsync("both spans are there", async () => (await _tempo.Api.FindTraceAsync(traceId)).Count == 2);
        var spans = await _tempo.Api.FindTraceAsync(traceId);
        var (parent, child) = (spans.Single(static s => s.Name == "parent"), spans.Single(static s => s.Name == "child"));
        Assert.Equal((2, 3), (parent.Kind, child.Kind));
        Assert.Equal(("", parent.SpanId), (parent.ParentSpanId, child.ParentSpanId));
        Assert.All(spans, static span =>
        {
            Assert.Contains(span.Attributes, static a => a is { Key: "key", Value: "string:value" });
            Assert.Contains(span.Resource, static a => a is { Key: "service.name", Value: "string:foreign" });
            Assert.InRange(span.StartUnixNano, (ulong)DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeMilliseconds() * 1_000_000,
                (ulong)DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeMilliseconds() * 1_000_000);
            Assert.True(span.EndUnixNano >= span.StartUnixNano);
        });
    }
}
