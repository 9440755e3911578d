using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>A trace by its id that is not answered whole, or not at all, in Tempo's words.</summary>
public sealed class TraceLimitTests
{
    private const string Protobuf = "application/protobuf";

    [Fact]
    public async Task A_trace_beyond_the_limit_is_422_in_version_1_and_partial_in_version_2()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var id = Spans.NewTrace(50) is var trace && (await otlp.PostAsync(ExportRequest.Encode(trace))).Status == 200
            ? trace[0].TraceId
            : "";
        Assert.Equal(0, await tempo.StopAsync());
        await File.WriteAllTextAsync(tempo.ConfigFile,
            (await File.ReadAllTextAsync(tempo.ConfigFile)).Replace(
                "max_bytes_per_trace: 0", "max_bytes_per_trace: 300", StringComparison.Ordinal));
        await tempo.StartAsync();

        foreach (var accept in new[] { Protobuf, "application/json" })
        {
            var v1 = await tempo.Api.AskAsync($"/api/traces/{id}", accept: accept);
            Assert.Equal((422, "text/plain", "trace exceeds max size (max bytes: 300)"), (v1.Status, v1.ContentType, v1.Text));
        }

        const string text = "Trace exceeds maximum size of 300 bytes, a partial trace is returned";
        var json = await tempo.Api.AskAsync($"/api/v2/traces/{id}");
        Assert.Equal(200, json.Status);
        Assert.StartsWith("{\"trace\":{\"resourceSpans\":[{", json.Text, StringComparison.Ordinal);
        Assert.EndsWith($",\"status\":\"PARTIAL\",\"message\":\"{text}\"}}", json.Text, StringComparison.Ordinal);
        var protobuf = await tempo.Api.AskAsync($"/api/v2/traces/{id}", accept: Protobuf);
        Assert.Equal((200, Protobuf), (protobuf.Status, protobuf.ContentType));
        var end = new ProtobufMessage().Varint(3, 1).String(4, text).ToArray();
        Assert.Equal(end, protobuf.Body[^end.Length..]);
    }

    [Theory]
    [InlineData("/api/traces/1234")]
    [InlineData("/api/v2/traces/1234")]
    public async Task Without_another_server_there_is_nothing_external(string path)
    {
        await using var tempo = await TempoProcess.StartAsync();
        var answer = await tempo.Api.AskAsync(path + "?mode=external");
        Assert.Equal((500, "text/plain", "external mode is not enabled\n"), (answer.Status, answer.ContentType, answer.Text));
    }
}
