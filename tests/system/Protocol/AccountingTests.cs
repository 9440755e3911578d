using Tempo.Otlp.Tests.Foreign;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Protocol.Conformance;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>
/// Every span that came in is stored or discarded with a reason, exactly, whatever protocol it came by and however bad it was;
/// and every sender that can be told is told how many of its spans were not taken.
/// </summary>
public sealed class AccountingTests
{
    private const int Requests = 150;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Received_is_stored_plus_discarded_on_all_protocols(int seed)
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            Overrides = "{defaults: {ingestion: {rate_limit_bytes: 1, burst_size_bytes: 60000, max_traces_per_user: 150}, global: {max_bytes_per_trace: 300}}}",
        });
        var random = new Random(seed);
        var traces = Enumerable.Range(0, 200).Select(static _ => Spans.NewTraceId()).ToArray();
        var told = new Told();
        for (var request = 0; request < Requests; request++)
        {
            var spans = Enumerable.Range(0, random.Next(1, 25)).Select(_ => RandomSpan(random, traces)).ToArray();
            await SendAsync(tempo, random.Next(11), spans, told);
        }

        // Datagrams are answered by nobody: wait until all of them have been looked at.
        await Eventually.HoldsAsync($"seed {seed}: all datagrams are looked at",
            async () => (await tempo.Api.MetricsAsync()).Sum("tempo_receiver_udp_datagrams_total") == told.Datagrams);
        var metrics = await tempo.Api.MetricsAsync();
        var (received, stored, discarded) = (metrics.Sum("tempo_distributor_spans_received_total"),
            metrics.Sum("tempo_ingested_spans_total"), metrics.Sum("tempo_discarded_spans_total"));
        Assert.Equal(told.Sent, received);
        Assert.Equal(received, stored + discarded);
        Assert.Equal(stored, metrics.Sum("tempo_receiver_accepted_spans"));
        Assert.Equal(discarded, metrics.Sum("tempo_receiver_refused_spans"));
        Assert.All(new[] { "rate_limited", "trace_too_large", "live_traces_exceeded", "invalid_trace_id", "invalid_span_id" },
            reason => Assert.True(
                metrics.Sum("tempo_discarded_spans_total", $"reason=\"{reason}\"") > 0, $"seed {seed}: no span was discarded as {reason}"));

        // What senders were told, save those by UDP, who hear nothing.
        var silent = metrics.Sum("tempo_receiver_refused_spans", "udp_");
        Assert.Equal(discarded - silent, told.Rejected);

        // As many spans are found as were stored, by a server that gives traces of any size back; and that was another process,
        // so the log judges as the first time did.
        Assert.Equal(0, await tempo.StopAsync());
        await File.WriteAllTextAsync(tempo.ConfigFile,
            (await File.ReadAllTextAsync(tempo.ConfigFile)).Replace(
                "max_bytes_per_trace: 300", "max_bytes_per_trace: 0", StringComparison.Ordinal));
        await tempo.StartAsync();
        var found = 0;
        foreach (var trace in traces) found += (await tempo.Api.FindTraceAsync(trace)).Count;
        Assert.Equal(stored, found);
    }

    private sealed class Told
    {
        public int Sent;
        public long Rejected;
        public int Datagrams;
        public int NextSpan;
    }

    private static SpanFacts RandomSpan(Random random, string[] traces) => Spans.NewTrace()[0] with
    {
        TraceId = random.Next(20) == 0 ? new string('0', 32) : traces[random.Next(traces.Length)],
        SpanId = random.Next(20) == 0 ? new string('0', 16) : "0000000000000001",
        Name = new string('n', random.Next(1, 60)),
    };

    private static async Task SendAsync(TempoProcess tempo, int protocol, SpanFacts[] spans, Told told)
    {
        for (var i = 0; i < spans.Length; i++)
            if (spans[i].SpanId != new string('0', 16))
                spans[i] = spans[i] with { SpanId = (++told.NextSpan).ToString("x16", CultureInfo.InvariantCulture) };
        told.Sent += spans.Length;
        switch (protocol)
        {
            case 0 or 1 or 2:
                using (var wire = new OtlpWire(protocol switch { 0 => "grpc", 1 => "protobuf-1.1", _ => "json-2" }, tempo))
                {
                    var reply = await wire.SendAsync(spans);
                    told.Rejected += reply.Code == 0 ? reply.RejectedSpans : spans.Length;
                }

                break;
            case 3:
                await PostAsync(tempo.ZipkinUrl, ZipkinJson(spans), "application/json", spans.Length, told);
                break;
            case 4:
                await PostAsync(tempo.JaegerHttpUrl + "/api/traces", new ThriftMessage(false).Body(m => Batch(m, spans)).ToArray(),
                    "application/x-thrift", spans.Length, told);
                break;
            case 7:
                await PostAsync(tempo.ZipkinUrl + "/api/v2/spans", ZipkinProtobuf(spans), "application/x-protobuf", spans.Length, told);
                break;
            case 8:
                await PostAsync(tempo.ZipkinUrl + "/api/v1/spans", ZipkinV1Json(spans), "application/json", spans.Length, told);
                break;
            case 9:
                await PostAsync(tempo.ZipkinUrl + "/api/v1/spans", ZipkinThrift(spans), "application/x-thrift", spans.Length, told);
                break;
            case 10:
                using (var grpc = new GrpcClient(tempo.JaegerGrpcUrl))
                {
                    var answer = await grpc.CallAsync(GrpcClient.Frame(JaegerProtobuf(spans)), "/jaeger.api_v2.CollectorService/PostSpans");
                    told.Rejected += answer.Status != GrpcAnswer.Ok ? spans.Length : CountOf(answer.Warning);
                }

                break;
            default:
                var isCompact = protocol == 5;
                using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
                    await socket.SendToAsync(
                        new ThriftMessage(isCompact).Call("emitBatch").Body(a => a.StructField(1, m => Batch(m, spans))).ToArray(),
                        SocketFlags.None,
                        new System.Net.IPEndPoint(
                            System.Net.IPAddress.Loopback, isCompact ? tempo.Ports.JaegerCompact : tempo.Ports.JaegerBinary));
                told.Datagrams++;
                break;
        }
    }

    private static async Task PostAsync(string url, byte[] body, string contentType, int count, Told told)
    {
        using var http = new OtlpHttpClient(url);
        var answer = await http.PostAsync(body, contentType);
        if (answer.Status != 202) told.Rejected += count;
        else if (answer.Headers.TryGetValue("Warning", out var warning))
            told.Rejected += CountOf(warning);
    }

    // 299 tempo "3 spans rejected: …"
    private static long CountOf(string warning) =>
        warning.Length == 0 ? 0 : long.Parse(warning.Split('"')[1].Split(' ')[0], CultureInfo.InvariantCulture);

    private static byte[] ZipkinJson(SpanFacts[] spans) =>
        Encoding.UTF8.GetBytes(JsonSerializer.Serialize(spans.Select(static s => new Dictionary<string, object>
        {
            ["traceId"] = s.TraceId,
            ["id"] = s.SpanId,
            ["name"] = s.Name,
            ["timestamp"] = s.StartUnixNano / 1000,
            ["duration"] = 5,
        })));

    private static byte[] ZipkinV1Json(SpanFacts[] spans) =>
        Encoding.UTF8.GetBytes(JsonSerializer.Serialize(spans.Select(static s => new Dictionary<string, object>
        {
            ["traceId"] = s.TraceId,
            ["id"] = s.SpanId,
            ["name"] = s.Name,
            ["timestamp"] = s.StartUnixNano / 1000,
            ["annotations"] = Array.Empty<object>(),
        })));

    private static byte[] ZipkinProtobuf(SpanFacts[] spans)
    {
        var list = new ProtobufMessage();
        foreach (var s in spans)
            list.Message(1, new ProtobufMessage().Bytes(1, Convert.FromHexString(s.TraceId)).Bytes(3, Convert.FromHexString(s.SpanId))
                .String(5, s.Name).Fixed64(6, s.StartUnixNano / 1000));
        return list.ToArray();
    }

    private static byte[] ZipkinThrift(SpanFacts[] spans) =>
        new ThriftMessage(isCompact: false).ListOf(
            ThriftMessage.Struct, spans.Length, [.. spans.Select(static s => (Action<ThriftMessage>)(m =>
            {
                var id = Convert.FromHexString(s.TraceId);
                m.I64Field(1, System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(id.AsSpan(8))).TextField(3, s.Name)
                    .I64Field(4, long.Parse(s.SpanId, NumberStyles.HexNumber, CultureInfo.InvariantCulture))
                    .I64Field(10, (long)(s.StartUnixNano / 1000))
                    .I64Field(12, System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(id));
            }))]).ToArray();

    private static byte[] JaegerProtobuf(SpanFacts[] spans)
    {
        var batch = new ProtobufMessage();
        foreach (var s in spans)
        {
            var time = new ProtobufMessage().Varint(1, s.StartUnixNano / 1_000_000_000);
            batch.Message(1, new ProtobufMessage().Bytes(1, Convert.FromHexString(s.TraceId)).Bytes(2, Convert.FromHexString(s.SpanId))
                .String(3, s.Name).Message(6, time));
        }

        return new ProtobufMessage().Message(1, batch.Message(2, new ProtobufMessage().String(1, "shop"))).ToArray();
    }

    private static void Batch(ThriftMessage message, SpanFacts[] spans) =>
        message.ListField(2, [.. spans.Select(static span => (Action<ThriftMessage>)(m =>
        {
            var id = Convert.FromHexString(span.TraceId);
            m.I64Field(1, System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(id.AsSpan(8)))
                .I64Field(2, System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(id))
                .I64Field(3, long.Parse(span.SpanId, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).TextField(5, span.Name)
                .I64Field(8, (long)(span.StartUnixNano / 1000));
        }))]);
}
