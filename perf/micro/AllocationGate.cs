using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Work;

namespace Tempo.Perf.Micro;

/// <summary>
/// <c>gate</c>: fails if ingest or a query has come to cost more of what does not depend on how busy the machine is: bytes allocated a
/// span in each stage and by each query, once everything has its size, and bytes a span on disk.
/// </summary>
internal static class AllocationGate
{
    /// <summary>
    /// Above what the file says, in parts of it. Seen from run to run: 0.0003, where a table's growth depends on the hash.
    /// </summary>
    private const double Tolerance = 0.005;

    /// <summary>The same for queries, whose work is shared out among as many threads as are free.</summary>
    private const double QueryTolerance = 0.1;
    private const double LeastQueryKiB = 8;

    /// <summary>In the figure's unit: an array of some kilobytes in 75,000 spans is no change.</summary>
    private const double LeastDifference = 0.05;

    public static async Task<int> RunAsync(OptionReader options)
    {
        var folder = options.Text("--baselines") ?? "perf/gate";
        var isUpdate = options.Flag("--update");
        options.ExpectEnd();
        var figures = Measure(promoted: false).Concat(Measure(promoted: true))
            .Concat(await QueryBenchmark.AllocatedAsync().ConfigureAwait(false)).ToList();
        return new GateFile(folder, "").Judge(figures, isUpdate, Allowance);
    }

    private static double Allowance(string name, double allowed) => name.StartsWith("KiB allocated a query", StringComparison.Ordinal)
        ? Math.Max(LeastQueryKiB, allowed * QueryTolerance)
        : Math.Max(LeastDifference, allowed * Tolerance);

    private static IEnumerable<(string Name, double Value)> Measure(bool promoted)
    {
        var suffix = promoted ? ", promoted attributes" : "";
        using var file = new ChecksumStream();
        using var stages = new IngestStages(75_000, 300, promoted, file);
        stages.MeasureKept();
        for (var i = 0; i < 3; i++) stages.Round();
        for (var i = 0; i < IngestStages.Names.Length; i++)
            yield return ($"bytes allocated a span: {IngestStages.Names[i]}{suffix}", stages.AllocatedBytesPerSpan(i));
        yield return ($"bytes a span: block{suffix}", (double)stages.BlockBytes / stages.SpanCount);
        yield return ($"bytes a span: sidecar{suffix}", (double)stages.SidecarBytes / stages.SpanCount);
        yield return ($"heap bytes a span: live columns{suffix}", stages.KeptByLiveColumns);
        yield return ($"heap MiB: block writer{suffix}", stages.KeptByWriter);
    }
}
