using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Foreign.Jaeger;
using Tempo.Engine.Otlp.Foreign.Zipkin;
using Tempo.Engine.Storage.Live;

namespace Tempo.Perf.Ingest;

/// <summary>
/// What a byte of each protocol costs from the receiver's buffer to the live columns: transcoding, the judging walk, and the
/// decoding; without network, log and blocks, which are the same for all. CPU time of this thread alone; the rounds of all
/// protocols alternate, so that a noisy machine disturbs them alike. With the path of a binary: the same bodies through the whole server
/// (<see cref="WholeServer"/>).
/// </summary>
internal static class Program
{
    private const int Rounds = 5;
    public const int SpansPerBatch = 500;
    private static readonly TimeSpan RoundTime = TimeSpan.FromMilliseconds(400);

    private static void Main(string[] args)
    {
        if (args is [var binary, .. var rest])
        {
            WholeServer.Run(binary, rest is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : Rounds);
            return;
        }

        (string Name, byte[] Body, Transcode? Transcode)[] protocols =
        [
            ("OTLP protobuf", SpanBodies.Otlp(SpansPerBatch), null),
            ("Zipkin v2 JSON", SpanBodies.ZipkinJson(SpansPerBatch),
                static (body, output) => ZipkinReader.TryTranscode(ZipkinFormat.V2Json, body, 1, output, out _)),
            ("Jaeger Thrift", SpanBodies.JaegerThrift(SpansPerBatch),
                static (body, output) => JaegerReader.TryTranscodeBatch(body, output, out _)),
        ];
        var rates = new double[protocols.Length][];
        for (var i = 0; i < rates.Length; i++) rates[i] = new double[Rounds];
        foreach (var (_, body, transcode) in protocols) Measure(body, transcode);
        for (var round = 0; round < Rounds; round++)
            for (var i = 0; i < protocols.Length; i++)
                rates[i][round] = Measure(protocols[i].Body, protocols[i].Transcode);
        Print([.. protocols.Select(static protocol => (protocol.Name, protocol.Body.Length))], rates);
    }

    /// <summary>Medians of the rates of each protocol, the first of which is OTLP; bytes of a body a second of CPU.</summary>
    public static void Print((string Name, int BodyBytes)[] protocols, double[][] rates)
    {
        var otlp = Median(rates[0]);
        for (var i = 0; i < protocols.Length; i++)
        {
            var rate = Median(rates[i]);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{protocols[i].Name,-15} {protocols[i].BodyBytes / SpansPerBatch,5} bytes a span {rate / 1e6,8:F1} MB per CPU-second {rate / otlp,6:P0} of OTLP per byte {rate / protocols[i].BodyBytes * SpansPerBatch,10:N0} spans per CPU-second"));
        }
    }

    private delegate bool Transcode(ReadOnlySpan<byte> body, NativeBuffer output);

    // Bytes of the body per second of CPU.
    private static double Measure(byte[] body, Transcode? transcode)
    {
        using var request = new NativeBuffer();
        var pool = new LiveBatchPool(16);
        var live = new LiveSegment(1, 2048, pool);
        long bytes = 0;
        using var process = Process.GetCurrentProcess();
        var began = process.TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < RoundTime)
        {
            request.Clear();
            if (transcode is null) request.Append(body);
            else if (!transcode(body, request)) throw new InvalidOperationException("the body was refused");
            var summary = default(OtlpRequestSummary);
            if (!OtlpTraceReader.TryRead(request.Written, ref summary, out var error)) throw new InvalidOperationException(error.Message);
            if (live.Append(TenantId.Single, request.Written).SpanCount != SpansPerBatch)
                throw new InvalidOperationException("spans are missing");
            bytes += body.Length;
            if (live.SpanCount < 100_000) continue;
            live.Recycle();
            live = new LiveSegment(1, 2048, pool);
        }

        process.Refresh();
        return bytes / (process.TotalProcessorTime - began).TotalSeconds;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}
