using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>
/// What a compaction of large blocks takes: MB of input a CPU-second, and by how much the resident memory grows while it runs. The
/// blocks are written in pieces, each of a range of trace ids, so that making them needs no more memory than compacting them; they
/// are made by a run of its own (<c>--build</c>), so that the run that is measured begins small.
/// </summary>
internal static class CompactionMeasures
{
    private const int SpansPerPiece = 50_000;
    private const int SpansPerRequest = 100;
    private const int WarmSpans = 2000;
    private const int MaxAttributeBytes = 64 << 10;
    private const long StartUnixNanos = 1_760_000_000_000_000_000;

    public static async Task<int> RunAsync(OptionReader options)
    {
        var spans = options.Int("--spans-per-block", 1_000_000, 1000, 1_000_000_000);
        var blocks = options.Int("--blocks", 4, 1, 16);
        var areSingle = options.Flag("--single-span-traces");
        var textBytes = options.Int("--text-bytes", 0, 0, MaxAttributeBytes);
        var areApart = options.Flag("--apart");
        var copies = !options.Flag("--no-copy");
        var columns = ReadColumns(options.Text("--columns") ?? "");
        var folder = Path.Combine(options.Text("--folder") ?? "/tmp/tempo-micro",
            $"compaction-{spans}-{blocks}{(areSingle ? "-single" : "")}{(textBytes > 0 ? $"-{textBytes}" : "")}{(areApart ? "-apart" : "")}");
        var isBuild = options.Flag("--build");
        var keeps = options.Flag("--keep");
        options.ExpectEnd();
        if (isBuild)
        {
            await BuildAsync(folder, blocks, spans, areSingle, areApart, textBytes).ConfigureAwait(false);
            await BuildAsync(WarmFolder(folder), 3, WarmSpans, areSingle: false, areApart: false).ConfigureAwait(false);
        }
        else await MeasureAsync(folder, blocks, copies, columns, keeps).ConfigureAwait(false);
        return 0;
    }

    private static async Task BuildAsync(string folder, int blocks, int spans, bool areSingle, bool areApart, int textBytes = 0)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        var store = Open(folder, "built");
        for (var number = 0; number < blocks; number++)
        {
            var meta = await WriteBlockAsync(store, number, spans, areSingle, areApart ? blocks : 0, textBytes).ConfigureAwait(false);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"block {number}: {meta.TotalObjects} traces, {meta.SizeBytes} bytes, {meta.RowGroupCount} row groups"));
        }
    }

    /// <summary>A block of the load tool's traffic, or of traces of one bare span, in compaction's layout.</summary>
    /// <param name="store">Where it goes.</param>
    /// <param name="number">Of the block.</param>
    /// <param name="spans">How many it has.</param>
    /// <param name="areSingle">Traces of one bare span.</param>
    /// <param name="textBytes">Of a text that each of these has.</param>
    /// <param name="apart">0: ids from all over; else the blocks that divide the ids among them, each written as compaction leaves
    /// it.</param>
    public static async Task<BlockMeta> WriteBlockAsync(
        BlockStore store, int number, int spans, bool areSingle, int apart = 0, int textBytes = 0)
    {
        var layout = new CompactionOptions().Layout;
        var block = new NewBlock
        {
            Tenant = TenantId.Single,
            Id = BlockId.Derive(9, (ulong)number),
            Layout = apart > 0 ? layout : layout with { ZstdLevel = 3 }
        };
        var pieces = Pieces(number, spans, areSingle, Math.Max(1, apart), textBytes);
        return (await store.WriteAsync(block, writer => WritePieces(writer, pieces), default).ConfigureAwait(false))!;
    }

    private static void WritePieces(BlockWriter writer, IEnumerable<List<LiveBatchView>> pieces)
    {
        var context = new SpanContext();
        foreach (var views in pieces)
        {
            var first = context.Batches.Count;
            LiveTraces.ForEach(views, writer.Add, context);
            for (var number = first; number < context.Batches.Count; number++) context.Release(number);
        }
    }

    // Each piece has the ids that begin with its own two bytes.
    private static IEnumerable<List<LiveBatchView>> Pieces(int block, int spans, bool areSingle, int shares, int textBytes)
    {
        var templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        var stamper = new RequestStamper((ulong)block + 1);
        var random = new Random(block);
        var count = Math.Max(1, spans / (textBytes > 0 ? 10_000_000 / textBytes : SpansPerPiece));
        for (var piece = 0; piece < count; piece++)
        {
            var firstBytes = (ushort)((shares > 1 ? block * (65536 / shares) : 0) + piece * (65536 / shares / count));
            if (areSingle)
            {
                yield return SingleSpans.Create(
                    Math.Min(spans, textBytes > 0 ? 10_000_000 / textBytes : SpansPerPiece), random, firstBytes, textBytes);
                continue;
            }

            stamper.FirstTraceIdBytes = firstBytes;
            var live = new LiveSegment(shardCount: 1, MaxAttributeBytes);
            for (var i = 0; live.SpanCount < Math.Min(spans, SpansPerPiece); i++)
            {
                var template = templates[i % templates.Length];
                var request = new byte[template.Bytes.Length];
                stamper.Stamp(template, StartUnixNanos + (i * 10_000_000L), request);
                live.Append(TenantId.Single, request);
            }

            var views = new List<LiveBatchView>();
            live.CollectBatches(TenantId.Single, views);
            yield return views;
        }
    }

    private static async Task MeasureAsync(string folder, int blocks, bool copies, DedicatedColumns columns, bool keeps)
    {
        var store = Open(folder, "measured");
        var inputs = await LevelZeroAsync(store).ConfigureAwait(false);
        if (inputs.Count != blocks)
        {
            Console.Error.WriteLine($"{inputs.Count} blocks in {folder}; make them with the same options and --build");
            return;
        }

        // Compiles what is measured: three tiny blocks become one.
        var warm = WarmFolder(folder);
        var (tiny, _) = await CompactAsync(
            warm, "measured", await LevelZeroAsync(Open(warm, "measured")).ConfigureAwait(false), copies, columns).ConfigureAwait(false);
        Directory.Delete(Path.Combine(warm, "objects", TenantId.Single.Value, tiny.BlockId.ToString()), recursive: true);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        await File.WriteAllTextAsync("/proc/self/clear_refs", "5").ConfigureAwait(false); // the peak begins anew
        var residentBefore = Status("VmRSS:");
        var cpuBefore = Environment.CpuUsage.TotalTime;
        var (output, counts) = await CompactAsync(folder, "measured", inputs, copies, columns).ConfigureAwait(false);
        var cpu = Environment.CpuUsage.TotalTime - cpuBefore;
        var growth = Status("VmHWM:") - residentBefore;
        var bytes = inputs.Sum(static meta => meta.SizeBytes);
        var objects = Path.Combine(folder, "objects", TenantId.Single.Value, output.BlockId.ToString());
        var sidecar = new FileInfo(Path.Combine(objects, "tempo.sidecar")).Length;
        var spans = await CountSpansAsync(store, output).ConfigureAwait(false);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {inputs.Count} blocks, {bytes / 1e6:F0} MB, {inputs.Sum(static meta => meta.TotalObjects)} traces -> {output.SizeBytes / 1e6:F0} MB, {output.TotalObjects} traces, {spans} spans, {output.RowGroupCount} row groups ({counts.CopiedRowGroups} copied, {counts.CopiedBytes / 1e6:F0} MB), {counts.PartCount} block(s)
            {cpu.TotalSeconds:F1} CPU s: {bytes / 1e6 / cpu.TotalSeconds:F1} MB of input, {spans / cpu.TotalSeconds:F0} spans a CPU-second
            {(double)output.SizeBytes / spans:F1} bytes a span, sidecar {(double)sidecar / spans:F2}
            resident memory grew by {growth / 1024.0:F0} MiB at most (from {residentBefore / 1024.0:F0})
            """));
        if (keeps) Console.WriteLine($"kept in {objects}: delete it before the next run");
        else Directory.Delete(objects, recursive: true);
    }

    // Span attributes with columns of their own in the output: "rpc.method,server.port:int".
    private static DedicatedColumns ReadColumns(string text)
    {
        var specs = text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static word => new DedicatedColumnSpec(
            AttributeScope.Span, word.Replace(":int", "", StringComparison.Ordinal),
            word.EndsWith(":int", StringComparison.Ordinal) ? AttributeType.Int : AttributeType.String, DedicatedColumnOptions.None));
        return DedicatedColumns.TryCreate(specs, out var columns, out var error) ? columns : throw new OptionException(error);
    }

    private static string WarmFolder(string folder) => folder + "-warm";

    private static async Task<List<BlockMeta>> LevelZeroAsync(BlockStore store)
    {
        var metas = await store.ListAsync(static damage => Console.Error.WriteLine(damage), default).ConfigureAwait(false);
        return [.. metas.Where(static meta => meta.CompactionLevel == 0)];
    }

    private static async Task<(BlockMeta Output, MergeCounts Counts)> CompactAsync(
        string folder, string work, List<BlockMeta> inputs, bool copies, DedicatedColumns columns)
    {
        var objects = LocalObjectStore.Open(Path.Combine(folder, "objects"));
        var compactor = new BlockCompactor(objects, Open(folder, work), new CompactedBlocks(objects, new SteadyClock(TimeProvider.System)),
            new CompactionOptions { CopiesRowGroups = copies }, _ => columns);
        var merged = await compactor.MergeAsync(new CompactionJob(inputs), default).ConfigureAwait(false);
        return (merged.Output!, merged.Counts);
    }

    private static async Task<long> CountSpansAsync(BlockStore store, BlockMeta meta)
    {
        using var block = await store.OpenAsync(meta, default).ConfigureAwait(false);
        return Enumerable.Range(0, block.RowGroupCount).Sum(group => block.Sidecar.Zones!.OfRowGroup(group).SpanCount);
    }

    private static BlockStore Open(string folder, string work)
    {
        var store =
            new BlockStore(LocalObjectStore.Open(Path.Combine(folder, "objects")), Path.Combine(folder, work), new BlockStoreOptions());
        store.Sweep();
        return store;
    }

    // Of /proc/self/status, in KiB.
    private static long Status(string name)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
