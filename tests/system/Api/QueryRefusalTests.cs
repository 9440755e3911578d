using System.Net.Sockets;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Queries that are right and are not answered: too many at once, too slow, or nobody is there any more.</summary>
public sealed class QueryRefusalTests
{
    private const string Search = "/tempopb.StreamingQuerier/Search", Range = "/tempopb.StreamingQuerier/MetricsQueryRange";
    private const string HeavyQuery = "{ } | compare({ status = error })";

    // Of one large trace, so that every query takes some time and its answer little.
    private static async Task<TempoProcess> StartAsync(string more)
    {
        var tempo = await TempoProcess.StartAsync(new TempoSettings { More = more });
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(20_000)))).Status);
        return tempo;
    }

    private static string HeavyPath() => $"/api/metrics/query_range?q={Uri.EscapeDataString(HeavyQuery)}&since=10m&step=10s";

    private static byte[] HeavyMessage()
    {
        var now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds() * 1_000_000_000;
        return GrpcClient.Frame(
            new ProtobufMessage().String(1, HeavyQuery).Varint(2, now - 600_000_000_000).Varint(3, now).Varint(4, 10_000_000_000)
                .ToArray());
    }

    [Fact]
    public async Task Beyond_the_line_of_the_tenant_it_is_429_or_resource_exhausted()
    {
        await using var tempo = await StartAsync("query_frontend: {max_outstanding_per_tenant: 1}\n");
        using var grpc = new GrpcClient($"http://{tempo.ApiGrpcAddress}");
        var (http, calls) = (new HashSet<string>(), new HashSet<string>());
        await Eventually.HoldsAsync("a query is refused over HTTP", async () =>
        {
            foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => tempo.Api.AskAsync(HeavyPath()))))
                http.Add(answer.Status == 429 ? $"429 {answer.Text} {answer.Headers["Retry-After"]}" : $"{answer.Status}");
            return http.Count > 1;
        });
        await Eventually.HoldsAsync("a query is refused over gRPC", async () =>
        {
            foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => grpc.CallAsync(HeavyMessage(), Range))))
                calls.Add($"{answer.Status} {answer.Message}");
            return calls.Count > 1;
        });
        Assert.Equal(["200", "429 job queue full: 1 queries of this tenant wait; try again 1"], http.Order(StringComparer.Ordinal));
        Assert.Equal(["0 ", "8 job queue full: 1 queries of this tenant wait; try again"], calls.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Beyond_the_time_it_is_503_over_http_and_deadline_exceeded_over_grpc()
    {
        await using var tempo = await StartAsync("query_frontend: {api_timeout: 1ms}\n");
        await Eventually.HoldsAsync("a query takes too long", async () =>
            (await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => tempo.Api.AskAsync(HeavyPath())))).Any(answer =>
                answer is { Status: 503, Text: "unable to process request in the configured timeout" }));

        using var grpc = new GrpcClient($"http://{tempo.ApiGrpcAddress}");
        var late = await grpc.CallAsync(HeavyMessage(), Range, timeout: "1n");
        Assert.Equal((4, "context deadline exceeded"), (late.Status, late.Message));
        var wrong = await grpc.CallAsync(GrpcClient.Frame([]), Search, timeout: "soon");
        Assert.Equal((13, "malformed grpc-timeout"), (wrong.Status, wrong.Message));
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_its_query_and_is_499()
    {
        await using var tempo = await StartAsync("");
        await Eventually.HoldsAsync("the queries are given up", async () =>
        {
            // Where this process stands still between the two, they are answered before.
            await AskAndGoAsync(tempo.Ports.Api);
            return (await tempo.Api.MetricsAsync()).Sum("tempo_request_duration_seconds_count", "status_code=\"499\"") > 0;
        });
        Assert.Equal(200, (await tempo.Api.AskAsync(HeavyPath())).Status);
    }

    private static async Task AskAndGoAsync(int port)
    {
        var sockets = new List<Socket>();
        for (var i = 0; i < 50; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync("127.0.0.1", port);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {HeavyPath()} HTTP/1.1\r\nHost: x\r\n\r\n"));
            sockets.Add(socket);
        }

        foreach (var socket in sockets)
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
        }
    }
}
