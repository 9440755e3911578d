using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>SIGTERM: not ready at once, requests in flight are answered, everything acknowledged is there after the next
/// start, exit code 0.</summary>
public sealed class ShutdownTests
{
    [Fact]
    public async Task Acknowledged_spans_survive_an_orderly_stop()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var spans = Spans.NewTrace(5, name: "before the stop");
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(spans))).Status);

        Assert.Equal(0, await tempo.StopAsync());
        await tempo.StartAsync();

        SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
        Assert.Equal([(spans[0].TraceId, 5)], await tempo.Api.SearchAsync("{ name = \"before the stop\" }"));
    }

    [Fact]
    public async Task A_request_in_flight_is_answered_and_nobody_is_called_ready_meanwhile()
    {
        await using var tempo = await TempoProcess.StartAsync();
        var spans = Spans.NewTrace(2);
        var body = ExportRequest.Encode(spans);

        using var slow = await HalfSentAsync(tempo, body);
        tempo.Terminate();
        await AssertSoonNotReadyAsync(tempo);
        await slow.SendAsync(body.AsMemory(body.Length / 2));
        var answer = await ReceiveAllAsync(slow);

        Assert.Equal(0, await tempo.EndedAsync());
        Assert.True(answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal), answer);
        await tempo.StartAsync();
        var acknowledged = answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal);
        Assert.Equal(acknowledged ? 2 : 0, (await tempo.Api.FindTraceAsync(spans[0].TraceId)).Count);
    }

    [Fact]
    public async Task A_second_signal_is_safe()
    {
        await using var tempo = await TempoProcess.StartAsync();
        var spans = Spans.NewTrace(2);
        using (var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl))
            Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(spans))).Status);

        tempo.Terminate();
        tempo.Terminate();
        Assert.Equal(0, await tempo.EndedAsync());
        await tempo.StartAsync();
        Assert.Equal(2, (await tempo.Api.FindTraceAsync(spans[0].TraceId)).Count);
    }

    /// <summary>An export request of which the server has the headers and half of the body.</summary>
    private static async Task<Socket> HalfSentAsync(TempoProcess tempo, byte[] body)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", tempo.Ports.OtlpHttp);
        var head = $"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head));
        await socket.SendAsync(body.AsMemory(0, body.Length / 2));
        // The answer to a later request shows that the server has had the time to read this one.
        Assert.Equal(200, await tempo.Api.ReadyStatusAsync());
        return socket;
    }

    private static async Task AssertSoonNotReadyAsync(TempoProcess tempo)
    {
        for (var attempt = 0; attempt < 500; attempt++)
        {
            if (await tempo.Api.ReadyStatusAsync() is 503 or 0) return;
            await Task.Delay(10);
        }

        Assert.Fail("/ready kept answering 200 after SIGTERM");
    }

    private static async Task<string> ReceiveAllAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(patience.Token);
    }
}
