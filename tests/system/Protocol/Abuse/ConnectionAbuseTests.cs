using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Abuse;

/// <summary>Clients that hold connections and nothing else: silent ones, slow ones, more than the process may have files.</summary>
public sealed class ConnectionAbuseTests
{
    /// <summary>What ten thousand connections may add to the process.</summary>
    private const long MostMiB = 200;

    [Fact]
    public async Task Ten_thousand_idle_and_slow_connections_keep_nobody_from_sending()
    {
        const int Count = 10_000, AtOnce = 500;
        await using var tempo = await TempoProcess.StartAsync();
        using var client = new OtlpHttpClient(tempo.OtlpHttpUrl);
        for (var i = 0; i < 200; i++) Assert.Equal(200, (await client.PostAsync(ExportRequest.Encode(Spans.NewTrace(10)))).Status);
        var before = tempo.ResidentMiB();
        var held = new List<Socket>();
        try
        {
            // A third says nothing, a third a part of a request line, a third a request of which the body does not come.
            string[] said = ["", "POST /v1/tra", "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\n"];
            while (held.Count < Count)
            {
                held.AddRange(await Task.WhenAll(
                    Enumerable.Range(held.Count, AtOnce).Select(i => ConnectAsync(tempo.Ports.OtlpHttp, said[i % said.Length]))));
                var spans = Spans.NewTrace(3);
                Assert.Equal(200, (await client.PostAsync(ExportRequest.Encode(spans))).Status);
                SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
            }

            // A client that comes now is served, too.
            using var another = new OtlpHttpClient(tempo.OtlpHttpUrl);
            Assert.Equal(200, (await another.PostAsync(ExportRequest.Encode(Spans.NewTrace(3)))).Status);
            Assert.InRange(tempo.ResidentMiB() - before, 0, MostMiB);
        }
        finally
        {
            foreach (var socket in held) socket.Dispose();
        }
    }

    [Fact]
    public async Task The_limit_of_a_shell_is_raised_to_what_the_system_allows()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/prlimit"), "needs prlimit");
        await using var tempo = TempoProcess.Prepare();
        tempo.Launcher = ["/usr/bin/prlimit", "--nofile=256:4000"];
        await tempo.StartAsync();
        Assert.Equal(4000, (await tempo.Api.MetricsAsync()).Sum("process_max_fds"));
    }

    [Fact]
    public async Task A_process_without_files_left_serves_whom_it_has_and_goes_on_by_itself()
    {
        const int Files = 384;
        Assert.SkipUnless(File.Exists("/usr/bin/prlimit"), "needs prlimit");
        await using var tempo = TempoProcess.Prepare(new TempoSettings { MaxBlockDuration = "1h" });
        tempo.Launcher = ["/usr/bin/prlimit", $"--nofile={Files}:{Files}"];
        await tempo.StartAsync();
        using var client = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var sent = new List<SpanFacts[]>();
        async Task<int> SendAsync()
        {
            var spans = Spans.NewTrace(3);
            var status = (await client.PostAsync(ExportRequest.Encode(spans))).Status;
            if (status == 200) sent.Add(spans);
            return status;
        }

        Assert.Equal(200, await SendAsync());
        var held = new List<Socket>();
        for (var i = 0; i < 2 * Files; i++) held.Add(await ConnectAsync(tempo.Ports.OtlpHttp, ""));
        // It has the client's connection, and its log open. What cannot be written without a file waits, and is tried again.
        for (var i = 0; i < 20; i++) Assert.Equal(200, await SendAsync());
        await tempo.Api.AskAsync("/flush", "POST");
        Assert.False(tempo.HasEnded, tempo.Log);

        foreach (var socket in held) socket.Dispose();
        using var later = new OtlpHttpClient(tempo.OtlpHttpUrl);
        await Eventually.HoldsAsync("a new client is served", async () =>
        {
            try
            {
                return (await later.PostAsync(ExportRequest.Encode(Spans.NewTrace(3)))).Status == 200;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        await Eventually.HoldsAsync("it is well",
            async () => await tempo.Api.ReadyStatusAsync() == 200 && (await tempo.Api.AskAsync("/flush", "POST")).Status == 204);
        foreach (var spans in sent) SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
        await tempo.KillAsync();
        tempo.Launcher = [];
        await tempo.StartAsync();
        foreach (var spans in sent) SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
    }

    private static async Task<Socket> ConnectAsync(int port, string said)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port);
        if (said.Length > 0) await socket.SendAsync(Encoding.ASCII.GetBytes(said));
        return socket;
    }
}
