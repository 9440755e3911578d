using OpenTelemetry.Exporter;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>The exporters' own way through a server that cannot take what they have for a while: everything arrives, nothing
/// twice. The gRPC exporter for JavaScript is not among them: it leaves retrying to its caller.</summary>
public sealed class RetryTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    [Theory]
    [InlineData(OtlpExportProtocol.Grpc, GatewayFailure.Refused, 2)]
    [InlineData(OtlpExportProtocol.Grpc, GatewayFailure.AnswerLost, 1)]
    [InlineData(OtlpExportProtocol.HttpProtobuf, GatewayFailure.Refused, 2)]
    [InlineData(OtlpExportProtocol.HttpProtobuf, GatewayFailure.AnswerLost, 1)]
    public async Task The_dotnet_exporter_sends_again_what_was_not_taken(OtlpExportProtocol protocol, GatewayFailure failure, int failures)
    {
        await using var gateway = await FailingGateway.StartAsync(_tempo, failure, failures);
        using var sender = new DotnetSender(protocol, protocol == OtlpExportProtocol.Grpc ? gateway.OtlpGrpcUrl : gateway.OtlpHttpUrl);
        sender.MakeTrace();

        Assert.True(await sender.DeliverAsync());
        Assert.Equal(failures + 1, gateway.Exports);
        await AssertReturnedOnceAsync(_tempo, sender.Made);
    }

    [Theory]
    [InlineData("proto", GatewayFailure.Refused, 2)]
    [InlineData("proto", GatewayFailure.AnswerLost, 1)]
    [InlineData("json", GatewayFailure.Refused, 2)]
    [InlineData("json", GatewayFailure.AnswerLost, 1)]
    public async Task The_javascript_exporters_send_again_what_was_not_taken(string protocol, GatewayFailure failure, int failures)
    {
        await using var gateway = await FailingGateway.StartAsync(_tempo, failure, failures);
        var sent = await NodeProgram.SendAsync(protocol, gateway.OtlpHttpUrl, "everything.json");

        Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        Assert.Equal(failures + 1, gateway.Exports);
        await AssertReturnedOnceAsync(_tempo, sent.Spans);
    }

    [Theory]
    [InlineData(OtlpExportProtocol.Grpc)]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    public async Task The_dotnet_exporter_may_start_before_the_server(OtlpExportProtocol protocol)
    {
        await using var tempo = TempoProcess.Prepare();
        using var sender = new DotnetSender(protocol, protocol == OtlpExportProtocol.Grpc ? tempo.OtlpGrpcUrl : tempo.OtlpHttpUrl);
        sender.MakeTrace();
        var delivering = sender.DeliverAsync();
        await Task.WhenAny(sender.ConnectionFailed, delivering);
        await tempo.StartAsync();

        Assert.True(await delivering);
        await AssertReturnedOnceAsync(tempo, sender.Made);
    }

    [Theory]
    [InlineData("proto")]
    [InlineData("json")]
    public async Task The_javascript_exporters_may_start_before_the_server(string protocol)
    {
        await using var tempo = TempoProcess.Prepare();
        var refused = new TaskCompletionSource();
        var sending = NodeProgram.SendAsync(protocol, tempo.OtlpHttpUrl, "everything.json", onRetry: () => refused.TrySetResult());
        await Task.WhenAny(refused.Task, sending);
        Assert.True(refused.Task.IsCompleted, "nobody was there, and the exporter did not mind");
        await tempo.StartAsync();

        var sent = await sending;
        Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        await AssertReturnedOnceAsync(tempo, sent.Spans);
    }

    [Theory]
    [InlineData("grpc")]
    [InlineData("proto")]
    [InlineData("json")]
    public async Task What_an_exporter_calls_delivered_through_a_restart_is_there(string protocol)
    {
        await using var tempo = await TempoProcess.StartAsync();
        var sending = NodeProgram.SendAsync(protocol, tempo, "stream.json");
        await Eventually.HoldsAsync(
            "the first batch has arrived", async () => (await tempo.Api.SearchAsync("{ name = \"beat\" }")).Count > 0);
        Assert.Equal(0, await tempo.StopAsync());
        await tempo.StartAsync();

        var sent = await sending;
        await AssertReturnedOnceAsync(tempo, sent.Batches.Where(batch => batch.Delivered).SelectMany(batch => batch.Spans));
        if (protocol != "grpc") Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        else Assert.Contains(sent.Batches, batch => batch.Delivered);
    }

    /// <summary>By id as it was made, and by search with as many matches as there are spans.</summary>
    private static async Task AssertReturnedOnceAsync(TempoProcess tempo, IEnumerable<SpanFacts> sent)
    {
        var traces = sent.GroupBy(span => span.TraceId).ToArray();
        Assert.NotEmpty(traces);
        foreach (var trace in traces)
        {
            SpanFacts.AssertSame(trace, await tempo.Api.FindTraceAsync(trace.Key));
            Assert.Equal([(trace.Key, trace.Count())], await tempo.Api.SearchAsync($"{{ trace:id = \"{trace.Key}\" }}"));
        }
    }
}
