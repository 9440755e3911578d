using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;
using static Tempo.SystemTests.Protocol.Abuse.Http2Connection;

namespace Tempo.SystemTests.Protocol.Abuse;

/// <summary>
/// HTTP/2 against its rules and within them at their worst, on the port of the API, of gRPC queries and of a receiver: the
/// connection ends with GOAWAY, memory stays, and everybody else is served.
/// </summary>
public sealed class Http2AbuseTests(SharedTempo shared)
{
    private const int ProtocolError = 1, FlowControlError = 3, StreamClosed = 5, FrameSizeError = 6, CompressionError = 9,
        EnhanceYourCalm = 11;
    private const int Flood = 20_000;

    public static TheoryData<string, byte[], int[]> Wrongs => new()
    {
        { "SETTINGS on a stream", Frame(Settings, 0, 1), [ProtocolError] },
        { "SETTINGS of five bytes", Frame(Settings, 0, 0, [0, 3, 0, 0, 0]), [FrameSizeError] },
        { "a window beyond 2^31", Frame(Settings, 0, 0, [0, 4, .. Number(0x80000000)]), [FlowControlError] },
        { "PING of seven bytes", Frame(Ping, 0, 0, new byte[7]), [FrameSizeError] },
        { "DATA on stream 0", Frame(Data, EndStream, 0, [1]), [ProtocolError] },
        { "DATA on a stream that never was", Frame(Data, EndStream, 1, [1]), [ProtocolError, StreamClosed] },
        { "HEADERS on an even stream", Frame(Headers, EndStream | EndHeaders, 2, Request()), [ProtocolError] },
        { "CONTINUATION without HEADERS", Frame(Continuation, EndHeaders, 1), [ProtocolError] },
        { "DATA amid HEADERS", [.. Frame(Headers, 0, 1, Request()), .. Frame(Data, 0, 1, [1])], [ProtocolError] },
        { "a promise of a client", Frame(PushPromise, EndHeaders, 1, Number(2)), [ProtocolError] },
        { "a window increment of 0", Frame(WindowUpdate, 0, 0, Number(0)), [ProtocolError] },
        { "a window that overflows", [.. Frame(WindowUpdate, 0, 0, Number(0x7FFFFFFF)), .. Frame(WindowUpdate, 0, 0, Number(0x7FFFFFFF))],
            [FlowControlError] },
        { "a frame of 16 MiB less one", Frame(Data, 0, 1, [1], claimedLength: 0xFFFFFF), [FrameSizeError] },
        { "a header index that is none", Frame(Headers, EndStream | EndHeaders, 1, [0xFF, 0xFF, 0xFF, 0x7F]), [CompressionError] },
        { "upper case in a header's name", Frame(Headers, EndStream | EndHeaders, 1, [.. Request(), .. HeaderBlock(("Bad", "x"))]),
            [ProtocolError] },
        { "a pseudo header behind others", Frame(Headers, EndStream | EndHeaders, 1, [.. HeaderBlock(("a", "b")), .. Request()]),
            [ProtocolError] },
        { "a stream that goes back", [.. Frame(Headers, EndStream | EndHeaders, 5, Request()),
            .. Frame(Headers, EndStream | EndHeaders, 3, Request())], [ProtocolError, StreamClosed] },
    };

    private int[] Ports => [shared.Tempo.Ports.Api, shared.Tempo.Ports.ApiGrpc, shared.Tempo.Ports.OtlpGrpc];

    [Theory]
    [MemberData(nameof(Wrongs))]
    public async Task What_is_wrong_ends_the_connection(string what, byte[] frames, int[] codes)
    {
        foreach (var port in Ports)
        {
            using var connection = await OpenAsync(port);
            await connection.SendAsync(frames);
            var code = await connection.EndAsync();
            Assert.True(code is not null && (code == -1 || codes.Contains(code.Value)),
                $"{what} on port {port}: {code?.ToString() ?? "still there"}");
        }

        await AssertOthersAreServedAsync();
    }

    public static TheoryData<string> Floods =>
        ["rapid reset", "settings", "ping", "empty data", "continuation", "priority", "window update", "header list"];

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task A_flood_ends_or_is_absorbed_and_memory_stays(string kind)
    {
        await using var tempo = await TempoProcess.StartAsync();
        var before = await ResidentBytesAsync(tempo);
        using var connection = await OpenAsync(tempo.Ports.Api);
        var reading = connection.EndAsync();
        var (first, frames) = FramesOf(kind);
        var isThere = first.Length == 0 || await connection.SendAsync(first);
        for (var i = 0; isThere && i < Flood; i += 100)
            isThere = await connection.SendAsync([.. Enumerable.Range(i, 100).SelectMany(frames)]);

        // Served while the flood goes on, and after it.
        Assert.Equal(200, (await tempo.Api.AskAsync("/api/echo")).Status);
        Assert.InRange(await ResidentBytesAsync(tempo) - before, double.MinValue, 200 << 20);
        connection.Dispose();
        await reading;
        Assert.Equal(200, (await tempo.Api.AskAsync("/api/echo")).Status);
    }

    // What comes first, and the frames of the i-th step.
    private static (byte[] First, Func<int, byte[]> Frames) FramesOf(string kind) => kind switch
    {
        "rapid reset" =>
            ([], i => [.. Frame(Headers, EndStream | EndHeaders, 2 * i + 1, Request()), .. Frame(RstStream, 0, 2 * i + 1, Number(8))]),
        "settings" => ([], static _ => Frame(Settings, 0, 0, [0, 3, 0, 0, 0, 100])),
        "ping" => ([], static _ => Frame(Ping, 0, 0, new byte[8])),
        "empty data" => (Frame(Headers, EndHeaders, 1, Request()), static _ => Frame(Data, 0, 1)),
        "continuation" =>
            (Frame(Headers, 0, 1, Request()), static _ => Frame(Continuation, 0, 1, HeaderBlock(("a", new string('a', 100))))),
        "priority" => ([], static i => Frame(Priority, 0, 2 * i + 1, [.. Number(0), 16])),
        "window update" => ([], static _ => Frame(WindowUpdate, 0, 0, Number(1))),
        _ => (Frame(Headers, 0, 1, Request()), static i => Frame(Continuation, 0, 1, HeaderBlock(($"h{i}", "x")))),
    };

    [Fact]
    public async Task Who_reads_nothing_keeps_nobody_from_reading()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var trace = Spans.NewTrace(20_000);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);
        using var connection = await OpenAsync(tempo.Ports.Api);
        for (var i = 0; i < 50; i++)
            await connection.SendAsync(
                Frame(Headers, EndStream | EndHeaders, 2 * i + 1,
                    HeaderBlock(
                        (":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/api/v2/traces/" + trace[0].TraceId))));
        Assert.Equal(20_000, (await tempo.Api.FindTraceAsync(trace[0].TraceId)).Count);
    }

    private static async Task<double> ResidentBytesAsync(TempoProcess tempo) =>
        (await tempo.Api.MetricsAsync()).Sum("process_resident_memory_bytes");

    private async Task AssertOthersAreServedAsync()
    {
        Assert.Equal(200, (await shared.Tempo.Api.AskAsync("/api/echo")).Status);
        using var grpc = new GrpcClient(shared.Tempo.OtlpGrpcUrl);
        Assert.Equal(GrpcAnswer.Ok, (await grpc.ExportAsync(ExportRequest.Encode(Spans.NewTrace()))).Status);
    }
}
