using System.Diagnostics;
using System.Globalization;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Suite.Asked;

namespace Tempo.Perf.Suite.Measured;

/// <summary>
/// Blocks are built as fast as they come, by a process that does not compact; another one on the same folder then compacts them, while
/// nothing else is done, until nothing is left to compact: what that costs, and what the blocks take then.
/// </summary>
internal sealed class CompactionRound(string binary, double loadSeconds, Report report)
{
    public const string MegabytesPerCpuSecond = "compaction: MB of blocks written a CPU-second";
    public const string SpansPerCpuSecond = "compaction: spans written a CPU-second";
    public const string BytesPerSpan = "after compaction: data.parquet";
    public const string AllBytesPerSpan = "after compaction: all objects of a block";

    private const string Never = "compactor: {compaction: {compaction_cycle: 12h}}\n";

    // Ten cycles without a new block, and what waits for company is compacted, too.
    private const string Often = "compactor: {compaction: {compaction_cycle: 2s}}\n";
    private const string WrittenBytes = "tempodb_compaction_bytes_written_total";

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(45), Limit = TimeSpan.FromMinutes(10);

    private readonly Figure _megabytes = report.Figure(MegabytesPerCpuSecond, "MB", isMoreBetter: true);
    private readonly Figure _spans = report.Figure(SpansPerCpuSecond, "spans", isMoreBetter: true);
    private readonly Figure _bytes = report.Figure(BytesPerSpan, "bytes a span", isMoreBetter: false);
    private readonly Figure _allBytes = report.Figure(AllBytesPerSpan, "bytes a span", isMoreBetter: false);

    public void Round()
    {
        using var process = new StartedServer(binary, settings: Never);
        long start = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 120;
        string[] words = ["--grpc", $"127.0.0.1:{process.Grpc}", "--seconds", loadSeconds.ToString(CultureInfo.InvariantCulture)];
        LoadReport load = RunVerb.Measure(LoadOptions.Read(new OptionReader(words)), [.. words]);
        using (TestedServer filled = TestedServer.Of("ours", process)) filled.Flush();
        process.Restart(Often);
        using TestedServer server = TestedServer.Of("ours", process);
        double cpu = server.CpuSeconds() ?? 0;
        (double written, double lastCpu) = WaitForRest(server, cpu);
        long spans = load.Tally.AcknowledgedSpans, counted = server.CountSpans(start, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 60);
        report.Check("after compaction every acknowledged span is counted",
            counted >= spans && counted <= spans + load.Tally.FailedSpans ? null : $"{counted} counted of {spans}");
        (long data, long all) = LiveBlocks(server.DataFolder!);
        _bytes.Add("ours", (double)data / counted);
        _allBytes.Add("ours", (double)all / counted);
        if (written == 0 || lastCpu <= cpu) return;
        _megabytes.Add("ours", written / 1e6 / (lastCpu - cpu));
        // A block's bytes a span are the same after each merge, to a per cent.
        _spans.Add("ours", written / ((double)data / counted) / (lastCpu - cpu));
    }

    // The CPU of the last merge is read when its bytes are seen: what the loop takes while it finds nothing is not compaction's.
    private static (double Written, double Cpu) WaitForRest(TestedServer server, double cpu)
    {
        double written = 0;
        long began = Stopwatch.GetTimestamp(), changed = began;
        while (Stopwatch.GetElapsedTime(changed) < Rest && Stopwatch.GetElapsedTime(began) < Limit)
        {
            Thread.Sleep(250);
            double now = server.Counter(WrittenBytes);
            if (now <= written) continue;
            (written, cpu, changed) = (now, server.CpuSeconds() ?? 0, Stopwatch.GetTimestamp());
        }

        return (written, cpu);
    }

    // What was compacted has another name for its meta.json, and stays for an hour.
    private static (long Data, long All) LiveBlocks(string folder)
    {
        long data = 0, all = 0;
        foreach (string meta in Directory.EnumerateFiles(folder, "meta.json", SearchOption.AllDirectories))
        {
            foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(meta)!))
            {
                long length = new FileInfo(file).Length;
                if (Path.GetFileName(file) == "data.parquet") data += length;
                all += length;
            }
        }

        return (data, all);
    }
}
