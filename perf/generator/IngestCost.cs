using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Generator;

/// <summary>
/// CPU time of the whole process for the same spans through two nodes, one with both processors and one without: checking,
/// log, live columns and blocks. Receiving is not in it, so the share of the generator is larger here than in the server.
/// </summary>
internal static class IngestCost
{
    private const int Requests = 1500, SpansPerRequest = 100, InFlight = 16;

    public static async Task RunAsync(int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("tempo-perf-generator-").FullName;
        try
        {
            var templates = TemplateBuilder.BuildMany(seed: 1, SpansPerRequest, count: 64);
            var stamper = new RequestStamper(idSeed: 1);
            await using var without = await StartAsync(Path.Combine(folder, "without"), []);
            await using var with = await StartAsync(Path.Combine(folder, "with"), ["span-metrics", "service-graphs"]);
            var generator = NewGenerator("span-metrics", "service-graphs");
            double baseCpu = double.MaxValue, fullCpu = double.MaxValue, ownCpu = double.MaxValue;
            for (var round = -1; round < rounds; round++)
            {
                var (a, spans) = await MeasureAsync(without, templates, stamper);
                var (b, _) = await MeasureAsync(with, templates, stamper);
                var own = MeasureOwn(generator, templates, stamper);
                // The first round compiles. Of the others the least counts: what else runs on the machine can only add.
                if (round < 0) continue;
                baseCpu = Math.Min(baseCpu, a / spans);
                fullCpu = Math.Min(fullCpu, b / spans);
                ownCpu = Math.Min(ownCpu, own / spans);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"round {round}: without {a / spans * 1e6:F2}, with {b / spans * 1e6:F2}, the processors alone {own / spans * 1e6:F2} us/span"));
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"least CPU: {baseCpu * 1e6:F2} us/span without, {fullCpu * 1e6:F2} with ({(fullCpu - baseCpu) / baseCpu:P0} more); the processors alone {ownCpu * 1e6:F2} us/span, {ownCpu / baseCpu:P0} of ingest"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Task<TempoNode> StartAsync(string folder, string[] processors)
    {
        var unlimited = new TenantLimits
        {
            Ingestion = new IngestionLimits { RateLimitBytes = long.MaxValue / 4, BurstSizeBytes = long.MaxValue / 4 },
            MetricsGenerator = new MetricsGeneratorLimits { Processors = processors },
        };
        return TempoNode.StartAsync(
            new NodeOptions
            {
                WalPath = $"{folder}/wal",
                BlocksPath = $"{folder}/blocks",
                Overrides = new TenantOverrides(unlimited),
                Generator = new GeneratorOptions { StoragePath = $"{folder}/generator" }
            },
            new MetricRegistry(), Log.Null, TimeProvider.System);
    }

    /// <summary>
    /// What the processors cost one by one; host-info looks at resources only, so that it is the walk and the search for duplicates.
    /// </summary>
    public static void RunParts(int rounds)
    {
        var templates = TemplateBuilder.BuildMany(seed: 1, SpansPerRequest, count: 64);
        var stamper = new RequestStamper(idSeed: 1);
        string[][] parts = [["host-info"], ["span-metrics"], ["service-graphs"], ["span-metrics", "service-graphs"]];
        foreach (var processors in parts)
        {
            var generator = NewGenerator(processors);
            var least = double.MaxValue;
            for (var round = 0; round < rounds; round++) least = Math.Min(least, MeasureOwn(generator, templates, stamper));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{string.Join(" and ", processors)}: {least / (Requests * SpansPerRequest) * 1e6:F2} us/span"));
        }
    }

    private static TenantGenerator NewGenerator(params string[] names)
    {
        if (!ProcessorSet.TryParse(names, out var processors, out var error)) throw new InvalidOperationException(error);
        return new TenantGenerator(TenantId.Single, new GeneratorSettings { Processors = processors });
    }

    private static double MeasureOwn(TenantGenerator generator, RequestTemplate[] templates, RequestStamper stamper)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var requests = new byte[Requests][];
        for (var i = 0; i < Requests; i++)
        {
            var template = templates[i % templates.Length];
            stamper.Stamp(template, now * 1_000_000, requests[i] = new byte[template.Bytes.Length]);
        }

        var before = Environment.CpuUsage.TotalTime;
        foreach (var request in requests) generator.Add(request, now);
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private static async Task<(double CpuSeconds, int Spans)> MeasureAsync(
        TempoNode node, RequestTemplate[] templates, RequestStamper stamper)
    {
        var requests = new NativeBuffer[Requests];
        var spans = 0;
        var now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        for (var i = 0; i < Requests; i++)
        {
            var template = templates[i % templates.Length];
            requests[i] = new NativeBuffer(template.Bytes.Length);
            stamper.Stamp(template, now, requests[i].GetSpan(template.Bytes.Length)[..template.Bytes.Length]);
            requests[i].Advance(template.Bytes.Length);
            spans += template.SpanCount;
        }

        GC.Collect();
        var before = Environment.CpuUsage.TotalTime;
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(async _ =>
        {
            await Task.Yield();
            for (var i = Interlocked.Increment(ref next); i < Requests; i = Interlocked.Increment(ref next))
            {
                var outcome = await node.IngestAsync(TenantId.Single, requests[i]);
                if (outcome.Status != IngestStatus.Accepted) throw new InvalidOperationException(outcome.Message);
            }
        }));
        await node.FlushAsync(CancellationToken.None);
        var cpu = Environment.CpuUsage.TotalTime - before;
        foreach (var request in requests) request.Dispose();
        return (cpu.TotalSeconds, spans);
    }
}
