using System.Globalization;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Work;

namespace Tempo.Perf.Micro;

/// <summary><c>ingest</c>: what each stage of ingest costs.</summary>
internal static class IngestReport
{
    public static int Run(OptionReader options)
    {
        var spans = options.Int("--spans", 75_000, 1, 10_000_000);
        var perRequest = options.Int("--spans-per-request", 300, 1, 100_000);
        var rounds = options.Int("--rounds", 9, 1, 10_000);
        var promoted = options.Flag("--dedicated");
        options.ExpectEnd();
        using var file = new ChecksumStream();
        using var stages = new IngestStages(spans, perRequest, promoted, file);
        stages.MeasureKept();
        for (var i = 0; i < 2; i++) stages.Round();
        var best = new double[IngestStages.Names.Length];
        Array.Fill(best, double.MaxValue);
        for (var round = 0; round < rounds; round++)
        {
            stages.Round();
            for (var i = 0; i < best.Length; i++) best[i] = Math.Min(best[i], stages.NanosPerSpan(i));
        }

        Print($"{Machine.CpuModel()}, {stages.SpanCount} spans a round, {stages.RequestBytesPerSpan:F0} bytes a span");
        Print($"| stage | ns a span, least | bytes allocated a span |");
        Print($"|---|---|---|");
        for (var i = 0; i < best.Length; i++) Print($"| {IngestStages.Names[i]} | {best[i]:F1} | {stages.AllocatedBytesPerSpan(i):F2} |");
        Print($"| sum | {best.Sum():F1} | {Enumerable.Range(0, best.Length).Sum(stages.AllocatedBytesPerSpan):F2} |");
        Print($"");
        Print($"block {(double)stages.BlockBytes / stages.SpanCount:F3} bytes a span, sidecar {(double)stages.SidecarBytes / stages.SpanCount:F3}; checksums {stages.Checksums}");
        Print($"kept: live columns {stages.KeptByLiveColumns:F1} bytes a span, block writer {stages.KeptByWriter:F1} MiB");
        return 0;
    }

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
