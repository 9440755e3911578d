using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Registry;

namespace Tempo.Perf.Generator;

/// <summary>Ten million different series offered where a hundred thousand are allowed: memory, and whether the sum is exact.</summary>
internal static class Flood
{
    private const int Offered = 10_000_000, Limit = 100_000;

    public static void Run()
    {
        if (!ProcessorSet.TryParse(["span-metrics-count"], out var processors, out var error)) throw new InvalidOperationException(error);
        var generator = new TenantGenerator(
            TenantId.Single, new GeneratorSettings { Processors = processors, MaxActiveSeries = Limit }, duplicateFilterBytes: 1 << 24);
        var request = new byte[256];
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var before = Environment.CpuUsage.TotalTime;
        for (var i = 1; i <= Offered; i++) generator.Add(request.AsSpan(0, SeriesCost.Write(request, i, now)), now);
        var cpu = Environment.CpuUsage.TotalTime - before;
        var sum = new CallsSum();
        generator.Collect(now, endAll: false, sum, static () => { });
        var heapBytes = GC.GetTotalMemory(forceFullCollection: true);
        GC.KeepAlive(generator);
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Offered} series offered, {Limit} allowed: {sum.Series} series with the sum {sum.Sum}; {cpu.TotalSeconds / Offered * 1e6:F2} us/span, heap {heapBytes / 1048576.0:F0} MiB, RSS peak of the process {process.PeakWorkingSet64 / 1048576} MiB"));
    }

    private sealed class CallsSum : ISeriesVisitor
    {
        public int Series { get; private set; }

        public double Sum { get; private set; }

        public void Begin(in EntityLabels labels)
        {
        }

        public void Number(MetricColumn column, double value, SeriesMoment moment)
        {
            Series++;
            Sum += value;
        }

        public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
        {
        }
    }
}
