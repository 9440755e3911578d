using System.Buffers.Binary;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Tempo.Perf.Load.Observe;

namespace Tempo.Perf.Ingest;

/// <summary>
/// What a byte of each protocol costs the native binary: receiver, log, live columns and blocks, all over HTTP/1.1, until everything sent
/// is in blocks. Protocols by turns, each on a server of its own; CPU of its process.
/// </summary>
internal static class WholeServer
{
    private const int Senders = 4;
    private static readonly TimeSpan SendTime = TimeSpan.FromSeconds(8);
    private static readonly byte[] BinaryMark = MarkBytes();
    private static readonly byte[] TextMark = Encoding.ASCII.GetBytes(SpanBodies.IdHigh.ToString("x16", CultureInfo.InvariantCulture));

    public static void Run(string binary, int rounds)
    {
        (string Name, byte[] Body, string Type, Func<StartedServer, (int Zipkin, int Jaeger), string> Url)[] protocols =
        [
            ("OTLP protobuf", SpanBodies.Otlp(Program.SpansPerBatch), "application/x-protobuf",
                static (server, _) => $"http://127.0.0.1:{server.Http}/v1/traces"),
            ("Zipkin v2 JSON", SpanBodies.ZipkinJson(Program.SpansPerBatch), "application/json",
                static (_, ports) => $"http://127.0.0.1:{ports.Zipkin}/api/v2/spans"),
            ("Jaeger Thrift", SpanBodies.JaegerThrift(Program.SpansPerBatch), "application/x-thrift",
                static (_, ports) => $"http://127.0.0.1:{ports.Jaeger}/api/traces"),
        ];
        var rates = new double[protocols.Length][];
        for (var i = 0; i < rates.Length; i++) rates[i] = new double[rounds];
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < protocols.Length; i++)
            {
                var ports = (StartedServer.FreePort(), StartedServer.FreePort());
                using var server = new StartedServer(
                    binary, receivers: $"zipkin: {{endpoint: \"127.0.0.1:{ports.Item1}\"}}, jaeger: {{protocols: {{thrift_http: {{endpoint: \"127.0.0.1:{ports.Item2}\"}}}}}}");
                rates[i][round] = Measure(server, protocols[i].Url(server, ports), protocols[i].Type, protocols[i].Body);
                Console.Error.WriteLine($"round {round + 1}: {protocols[i].Name} {rates[i][round] / 1e6:F1} MB per CPU-second");
            }
        }

        Program.Print([.. protocols.Select(static protocol => (protocol.Name, protocol.Body.Length))], rates);
    }

    // Bytes of bodies per second of the server's CPU.
    private static double Measure(StartedServer server, string url, string type, byte[] body)
    {
        var process = new ServerProcess(server.Pid);
        using var client = new HttpClient();
        long sent = 0, number = Random.Shared.NextInt64();
        var marks = MarksOf(body);
        var began = process.CpuSeconds() ?? 0;
        var end = DateTime.UtcNow + SendTime;
        Parallel.For(0, Senders, new ParallelOptions { MaxDegreeOfParallelism = Senders }, _ =>
        {
            var copy = body.ToArray();
            while (DateTime.UtcNow < end)
            {
                Stamp(copy, marks, Interlocked.Increment(ref number));
                using var content = new ByteArrayContent(copy);
                content.Headers.ContentType = new MediaTypeHeaderValue(type);
                using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
                client.Send(request).EnsureSuccessStatusCode();
                Interlocked.Add(ref sent, body.Length);
            }
        });
        using var flush = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{server.Api}/flush");
        client.Send(flush).EnsureSuccessStatusCode();
        CheckAll(client, server, sent / body.Length * Program.SpansPerBatch);
        return sent / ((process.CpuSeconds() ?? 0) - began);
    }

    private static void CheckAll(HttpClient client, StartedServer server, long spans)
    {
        var metrics = client.GetStringAsync(new Uri($"http://127.0.0.1:{server.Api}/metrics")).GetAwaiter().GetResult();
        var line = metrics.Split('\n').First(static l => l.StartsWith("tempo_distributor_spans_received_total{", StringComparison.Ordinal));
        if (!line.EndsWith($" {spans}", StringComparison.Ordinal))
            throw new InvalidOperationException($"{spans} spans were acknowledged: {line}");
    }

    private static (int Position, bool IsText)[] MarksOf(byte[] body)
    {
        var marks = new List<(int Position, bool IsText)>();
        foreach (var (mark, isText) in new[] { (BinaryMark, false), (TextMark, true) })
            for (int at = 0, next; (next = body.AsSpan(at).IndexOf(mark)) >= 0; at += next + mark.Length)
                marks.Add((at + next, isText));
        return marks.Count == Program.SpansPerBatch
            ? [.. marks]
            : throw new InvalidOperationException($"a body of {Program.SpansPerBatch} spans has {marks.Count} trace ids");
    }

    private static void Stamp(byte[] body, (int Position, bool IsText)[] marks, long number)
    {
        Span<byte> text = stackalloc byte[16];
        number.TryFormat(text, out _, "x16", CultureInfo.InvariantCulture);
        foreach (var (position, isText) in marks)
            if (isText) text.CopyTo(body.AsSpan(position));
            else BinaryPrimitives.WriteInt64BigEndian(body.AsSpan(position), number);
    }

    private static byte[] MarkBytes()
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, SpanBodies.IdHigh);
        return bytes;
    }
}
