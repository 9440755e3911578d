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

    /// <summary>With cuts under way all the time. The delay gives a load balancer the time to see the 503; until it is over
    /// everything is still taken.</summary>
    [Fact]
    public async Task A_stop_under_load_is_seen_first_and_loses_nothing()
    {
        await using var tempo =
            await TempoProcess.StartAsync(new TempoSettings { Multitenancy = true, MaxBlockDuration = "10ms", ShutdownDelay = "2s" });
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        var running = Task.WhenAll(new LedgerLoad(tempo, ledger, "under load").RunAsync(), check.WatchAsync("under load"));
        await Eventually.HoldsAsync("200 traces are acknowledged", () => running.IsCompleted || ledger.Count(Outcome.Acknowledged) >= 200);

        tempo.Terminate();
        await AssertSoonNotReadyAsync(tempo);
        var whenUnready = ledger.Count(Outcome.Acknowledged);
        Assert.Equal(0, await tempo.EndedAsync());
        await running;
        Assert.True(ledger.Count(Outcome.Acknowledged) > whenUnready, "nothing was taken during the delay");

        await tempo.StartAsync();
        await check.EverythingAsync();
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
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        await tempo.StartAsync();
        SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
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

    /// <summary>An export request of which the server has the headers and half of the body: it has asked for the body.</summary>
    private static async Task<Socket> HalfSentAsync(TempoProcess tempo, byte[] body)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", tempo.Ports.OtlpHttp);
        var head = $"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: {body.Length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(head));
        var goOn = new byte["HTTP/1.1 100 Continue\r\n\r\n".Length];
        using (var stream = new NetworkStream(socket))
            await stream.ReadExactlyAsync(goOn);
        Assert.StartsWith("HTTP/1.1 100 ", Encoding.ASCII.GetString(goOn), StringComparison.Ordinal);
        await socket.SendAsync(body.AsMemory(0, body.Length / 2));
        return socket;
    }

    /// <summary>The API still answers, and says no: it stops after the receivers have finished.</summary>
    private static Task AssertSoonNotReadyAsync(TempoProcess tempo) => Eventually.HoldsAsync("/ready answers 503", async () =>
    {
        var status = await tempo.Api.ReadyStatusAsync();
        Assert.True(status is 200 or 503, $"/ready answers {status}");
        return status == 503;
    });

    private static async Task<string> ReceiveAllAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(patience.Token);
    }
}
