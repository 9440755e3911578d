using System.Buffers.Binary;
using System.Globalization;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>generate</c>: writes raw requests to a file, each as a uint32 length (little endian) and that many bytes.
/// Everything in it, ids and times too, follows from the seed.
/// </summary>
internal static class GenerateVerb
{
    private const long DefaultStartUnixSeconds = 1_760_000_000;

    public static int Run(OptionReader options)
    {
        string path = options.Text("--out") ?? throw new OptionException("generate needs --out file.");
        int requestCount = options.Int("--requests", 200, 1, 10_000_000);
        int spansPerRequest = options.Int("--spans-per-request", 100, 1, 20_000);
        ulong seed = (ulong)options.Long("--seed", 1, 0, long.MaxValue);
        int templateCount = options.Int("--templates", 64, 1, 4096);
        long startUnixSeconds = options.Long("--start-unix-seconds", DefaultStartUnixSeconds, 0, 4_000_000_000);
        options.ExpectEnd();

        RequestTemplate[] templates = TemplateBuilder.BuildMany(seed, spansPerRequest, Math.Min(templateCount, requestCount));
        var stamper = new RequestStamper(seed);
        using FileStream file = File.Create(path);
        Span<byte> prefix = stackalloc byte[4];
        long spanCount = 0, byteCount = 0, traceCount = 0;
        for (int i = 0; i < requestCount; i++)
        {
            RequestTemplate template = templates[i % templates.Length];
            var request = new byte[template.Bytes.Length];
            stamper.Stamp(template, startUnixSeconds * 1_000_000_000 + i * 10_000_000L, request);
            BinaryPrimitives.WriteUInt32LittleEndian(prefix, (uint)request.Length);
            file.Write(prefix);
            file.Write(request);
            spanCount += template.SpanCount;
            traceCount += template.TraceCount;
            byteCount += request.Length;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{path}: {requestCount} requests, {traceCount} traces, {spanCount} spans, {byteCount} bytes, {(double)byteCount / spanCount:F0} bytes a span"));
        return 0;
    }
}
