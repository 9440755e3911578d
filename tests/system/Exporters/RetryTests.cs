using OpenTelemetry.Exporter;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>The exporters' own way through a server that is away for a while.</summary>
public sealed class RetryTests
{
    private static readonly TimeSpan Absence = TimeSpan.FromMilliseconds(700);

    [Theory]
    [InlineData("proto")]
    [InlineData("json")]
    public async Task A_sender_that_starts_before_the_server_delivers_when_it_is_there(string protocol)
    {
        await using var tempo = TempoProcess.Prepare();
        var sending = NodeProgram.SendAsync(protocol, tempo, "everything.json");
        await Task.Delay(Absence);
        await tempo.StartAsync();

        var sent = await sending;
        Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        await AssertReturnedAsync(tempo, sent.Spans);
    }

    [Theory]
    [InlineData(OtlpExportProtocol.Grpc)]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    public async Task The_dotnet_exporter_retries_until_the_server_is_there(OtlpExportProtocol protocol)
    {
        // Read when the provider is built; retrying is off in this exporter otherwise.
        Environment.SetEnvironmentVariable("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory");
        await using var tempo = TempoProcess.Prepare();
        using var sender = new DotnetSender(protocol, protocol == OtlpExportProtocol.Grpc ? tempo.OtlpGrpcUrl : tempo.OtlpHttpUrl);
        sender.MakeTrace();
        var delivering = Task.Factory.StartNew(sender.Deliver, TaskCreationOptions.LongRunning);
        await Task.Delay(Absence);
        await tempo.StartAsync();

        Assert.True(await delivering);
        await AssertReturnedAsync(tempo, sender.Made);
    }

    [Theory]
    [InlineData("grpc")]
    [InlineData("proto")]
    [InlineData("json")]
    public async Task What_an_exporter_calls_delivered_through_a_restart_is_there(string protocol)
    {
        await using var tempo = await TempoProcess.StartAsync();
        var sending = NodeProgram.SendAsync(protocol, tempo, "stream.json");
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(0, await tempo.StopAsync());
        await tempo.StartAsync();

        var sent = await sending;
        await AssertReturnedAsync(tempo, sent.Batches.Where(batch => batch.Delivered).SelectMany(batch => batch.Spans));
        // The HTTP exporters retry on a refused connection; the gRPC one of this SDK does not.
        if (protocol != "grpc") Assert.All(sent.Batches, batch => Assert.True(batch.Delivered, batch.Error));
        else Assert.Contains(sent.Batches, batch => batch.Delivered);
    }

    private static async Task AssertReturnedAsync(TempoProcess tempo, IEnumerable<SpanFacts> sent)
    {
        var traces = sent.GroupBy(span => span.TraceId).ToArray();
        Assert.NotEmpty(traces);
        foreach (var trace in traces)
            SpanFacts.AssertSame(trace, await tempo.Api.FindTraceAsync(trace.Key));
    }
}
