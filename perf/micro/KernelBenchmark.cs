using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Work;

namespace Tempo.Perf.Micro;

/// <summary>
/// Filters over one batch in memory, each with the scalar kernels and with those of this machine: the ratio is what counts.
/// </summary>
internal static class KernelBenchmark
{
    private const int Rows = 16 * 1024;

    public static int Run(OptionReader options)
    {
        var only = options.Text("--only");
        options.ExpectEnd();
        Console.WriteLine($"{Machine.CpuModel()}, {Environment.ProcessorCount} processors");
        Console.WriteLine("| filter over 16 Ki spans | scalar ns a span | "
            + string.Join(" | ", KernelChoice.Supported.Where(static k => k != KernelKind.Scalar).Select(static k => $"{k} ns | x"))
            + " |");
        var batch = SyntheticBatch.Of(Rows);
        foreach (var text in SyntheticBatch.Filters)
        {
            if (only is not null && !text.Contains(only, StringComparison.Ordinal)) continue;
            var condition = SyntheticBatch.ConditionOf(text);
            var scalar = Measure(SpanFilter.Create(condition, KernelKind.Scalar), batch);
            var line = string.Create(CultureInfo.InvariantCulture, $"| `{text}` | {scalar:F3} |");
            foreach (var kernel in KernelChoice.Supported.Where(static k => k != KernelKind.Scalar))
            {
                var nanos = Measure(SpanFilter.Create(condition, kernel), batch);
                line += string.Create(CultureInfo.InvariantCulture, $" {nanos:F3} | {scalar / nanos:F1} |");
            }

            Console.WriteLine(line);
        }

        return 0;
    }

    // The least of many short runs: what others do on the machine only adds.
    private static double Measure(SpanFilter filter, SpanBatch batch)
    {
        var marks = new ulong[(Rows + 63) / 64];
        var best = double.MaxValue;
        for (var run = 0; run < 200; run++)
        {
            var started = Stopwatch.GetTimestamp();
            for (var i = 0; i < 10; i++) filter.Mark(batch, batch.SpanCount, marks);
            best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalNanoseconds / 10 / Rows);
        }

        return best;
    }
}
