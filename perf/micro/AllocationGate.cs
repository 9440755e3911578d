using System.Globalization;
using System.Runtime.InteropServices;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>
/// <c>gate</c>: fails if ingest or a query has come to cost more of what does not depend on how busy the machine is: bytes allocated a
/// span in each stage and by each query, once everything has its size, and bytes a span on disk. What is allowed stands in a file for each
/// kind of machine, one figure a line; <c>--update</c> writes it anew, and the difference is reviewed like any other.
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

    private static string Kind => $"{RuntimeInformation.OSArchitecture}-net{Environment.Version.Major}".ToLowerInvariant();

    public static async Task<int> RunAsync(OptionReader options)
    {
        var folder = options.Text("--baselines") ?? "perf/gate";
        var isUpdate = options.Flag("--update");
        options.ExpectEnd();
        var path = Path.Combine(folder, Kind + ".txt");
        var figures = Measure(promoted: false).Concat(Measure(promoted: true))
            .Concat(await QueryBenchmark.AllocatedAsync().ConfigureAwait(false)).ToList();
        if (isUpdate)
        {
            Directory.CreateDirectory(folder);
            File.WriteAllLines(path, figures.Select(static f => string.Create(CultureInfo.InvariantCulture, $"{f.Value,9:F3}  {f.Name}")));
            Console.WriteLine($"{path}: {figures.Count} figures");
            return 0;
        }

        if (!File.Exists(path))
            throw new OptionException($"there is no {path}: gate --update makes it, on a commit that is known to be good");
        var allowed = File.ReadLines(path).Select(static line => line.Trim().Split("  ", 2))
            .ToDictionary(static l => l[1], static l => double.Parse(l[0], CultureInfo.InvariantCulture));
        return Compare(figures, allowed) ? 0 : 1;
    }

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

    private static bool Compare(List<(string Name, double Value)> figures, Dictionary<string, double> allowed)
    {
        var isGood = true;
        foreach (var (name, value) in figures)
        {
            var isKnown = allowed.Remove(name, out var limit);
            var difference = value - limit;
            var isQuery = name.StartsWith("KiB allocated a query", StringComparison.Ordinal);
            var isFar = Math.Abs(difference) > (isQuery
                ? Math.Max(LeastQueryKiB, limit * QueryTolerance)
                : Math.Max(LeastDifference, limit * Tolerance));
            var verdict = !isKnown ? "not in the file" : !isFar ? "" : difference > 0 ? "WORSE" : "better: --update";
            isGood &= isKnown && !(isFar && difference > 0);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value,9:F3} {limit,9:F3}  {name} {verdict}").TrimEnd());
        }

        foreach (var name in allowed.Keys) Console.WriteLine($"{"",19}  {name} is no longer measured");
        return isGood && allowed.Count == 0;
    }
}
