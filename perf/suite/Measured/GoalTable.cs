using System.Globalization;
using System.Text;
using Tempo.Perf.Load.Queries;

namespace Tempo.Perf.Suite.Measured;

/// <summary>
/// The table of the README: what was to be reached, beside what this run measured. Tempo's figures are recorded ones (Grafana Tempo 3.0.3,
/// 2 quiet cores of the same kind, the same kind of traffic; <see cref="QueryCase"/>), so ratios to them are not of one run, unlike those
/// to a peer.
/// </summary>
internal sealed class GoalTable(Report report, int corpusSpans, int steadyRate)
{
    // Recorded of Tempo: wall throughput at most on two quiet cores; CPU ms of a trace by id, from a block of 480 MB with vParquet5.
    private const double TempoSpansPerSecond = 42_600, TempoHitMs = 75, TempoMissMs = 3.8;

    // 13,700 spans a CPU-second with compaction and 18,400 without it: so much compaction costs a span.
    private const double TempoCompactedSpansPerCpuSecond = 1 / (1 / 13_700.0 - 1 / 18_400.0);

    private readonly StringBuilder _text = new();

    /// <summary>Markdown. A row without a measured value was not part of the run.</summary>
    public string ToMarkdown()
    {
        string steady = string.Create(CultureInfo.InvariantCulture, $"gRPC, {steadyRate} spans/s");
        _text.AppendLine("| figure | goal | stretch | measured | reached |\n|---|---|---|---|---|");
        AtLeast("ingest gRPC, spans a CPU-second, blocks built, acknowledged after fdatasync",
            report.Median("gRPC, as fast as it takes: spans a CPU-second"), 285_000, 500_000);
        AtLeast("ingest HTTP, the same", report.Median("HTTP, as fast as it takes: spans a CPU-second"), 340_000, 700_000);
        AtLeast("wall throughput beside the client, times Tempo's recorded 42,600 spans/s",
            report.Median("gRPC, as fast as it takes: spans a second") / TempoSpansPerSecond, 12, 20, "×");
        AtMost($"p99 of an acknowledgement, {steady}", report.Median($"{steady}: p99"), 5, 2, " ms");
        AtMost($"resident memory at the peak, {steady}", report.Median($"{steady}: memory at the peak"), 140, 80, " MiB");
        AtMost("disk bytes a span after compaction, data.parquet", report.Median(CompactionRound.BytesPerSpan), 57, 52);
        foreach (QueryCase query in QueryCase.All)
            if (query.Goal > 0)
                AtLeast($"{query.Name}: `` {query.Text} ``, times cheaper than Tempo's recorded",
                    Times(query.TempoNanosPerSpan, report.Median(query.Name) * 1e6 / corpusSpans), query.Goal, 2 * query.Goal, "×");
        AtLeast("trace by id, hit, warm, times cheaper than Tempo's recorded 75 ms", Times(TempoHitMs, report.Median("trace by id, hit")),
            20, 50, "×");
        AtLeast("trace by id, miss, warm, times cheaper than Tempo's recorded 3.8 ms",
            Times(TempoMissMs, report.Median("trace by id, miss")), 50, 1000, "×");
        AtMost("binary size", report.Median(RestRound.Binary), 40, 25, " MB");
        AtMost("empty start to ready", report.Median("empty start to ready"), 50, 20, " ms");
        AtMost("idle resident memory", report.Median(RestRound.Resident), 40, 25, " MiB");
        AtLeast("compaction, spans a CPU-second, times what follows from Tempo's recorded figures with and without it",
            report.Median(CompactionRound.SpansPerCpuSecond) / TempoCompactedSpansPerCpuSecond, 10, 20, "×");
        Note("compaction, MB of blocks written a CPU-second", report.Median(CompactionRound.MegabytesPerCpuSecond), " MB");
        return _text.ToString();
    }

    private static double Times(double theirs, double ours) => theirs / ours;

    private void AtLeast(string name, double value, double goal, double stretch, string unit = "") =>
        Row(name, $"{Shown(goal)}{unit}", $"{Shown(stretch)}{unit}", value, unit,
            value >= stretch ? "stretch" : value >= goal ? "yes" : "no");

    private void AtMost(string name, double value, double goal, double stretch, string unit = "") =>
        Row(name, $"{Shown(goal)}{unit}", $"{Shown(stretch)}{unit}", value, unit,
            value <= stretch ? "stretch" : value <= goal ? "yes" : "no");

    private void Note(string name, double value, string unit) => Row(name, "", "", value, unit, "");

    private void Row(string name, string goal, string stretch, double value, string unit, string verdict) =>
        _text.AppendLine(CultureInfo.InvariantCulture,
            $"| {name.Replace("|", "\\|", StringComparison.Ordinal)} | {goal} | {stretch} | {(double.IsFinite(value) ? Shown(value) + unit : "")} | {(double.IsFinite(value) ? verdict : "not measured")} |");

    private static string Shown(double value) => value.ToString(value >= 1000 ? "N0" : "G3", CultureInfo.InvariantCulture);
}
