using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;

namespace Tempo.Perf.Micro;

/// <summary>What sidecars cost and what they give.</summary>
internal static class SidecarMeasures
{
    /// <summary>Blocks of the load tool's traffic, and tag queries over them.</summary>
    public static async Task BlocksAsync(string requests, int spansPerBlock)
    {
        using var folder = new WorkFolder();
        var store = folder.Open();
        var blocks = new List<BlockHandle>();
        var live = new List<LiveBatchView>();
        long spans = 0, traces = 0, dataBytes = 0, sidecarBytes = 0;
        var cpu = TimeSpan.Zero;
        foreach (var batches in RequestFile.ReadBatches(requests, spansPerBlock))
        {
            var count = batches.Sum(static view => view.SpanCount);
            var before = Environment.CpuUsage.TotalTime;
            var meta = await store.WriteAsync(TenantId.Single, BlockId.Derive(1, (ulong)blocks.Count + 1), 0,
                visit => LiveTraces.ForEach(batches, visit), default).ConfigureAwait(false);
            cpu += Environment.CpuUsage.TotalTime - before;
            blocks.Add(new BlockHandle(meta!, store));
            (spans, traces, dataBytes) = (spans + count, traces + meta!.TotalObjects, dataBytes + meta.SizeBytes);
            sidecarBytes +=
                new FileInfo(Path.Combine(folder.Objects, TenantId.Single.Value, meta.BlockId.ToString(), "tempo.sidecar")).Length;
            live = batches;
        }

        Print($"{blocks.Count} blocks, {traces} traces, {spans} spans; built at {spans / cpu.TotalSeconds:F0} spans a CPU-second");
        Print($"data {(double)dataBytes / spans:F2} bytes a span, sidecar {(double)sidecarBytes / spans:F2} bytes a span");
        var all = new TraceSources([], blocks);
        var recent = new TraceSources(live, []);
        foreach (var name in (string[])["resource.service.name", "name", "span.http.request.method", "span.http.response.status_code",
            "span.url.path", "span.session.id", ".server.address"])
        {
            await MeasureAsync($"values of {name}, {spans} spans in blocks", 20,
                async () => (await TagValues.RunAsync(new TagValuesRequest { Name = name }, all, default)
                    .ConfigureAwait(false)).Values.Count).ConfigureAwait(false);
            await MeasureAsync($"values of {name}, {live.Sum(static view => view.SpanCount)} live spans", 20,
                async () => (await TagValues.RunAsync(new TagValuesRequest { Name = name }, recent, default)
                    .ConfigureAwait(false)).Values.Count).ConfigureAwait(false);
        }

        await MeasureAsync("names, blocks", 20, async () => (await TagNames.RunAsync(new TagNamesRequest(), all, default)
            .ConfigureAwait(false)).Scopes.Sum(static scope => scope.Names.Count)).ConfigureAwait(false);
        await MeasureAsync("names, live", 20, async () => (await TagNames.RunAsync(new TagNamesRequest(), recent, default)
            .ConfigureAwait(false)).Scopes.Sum(static scope => scope.Names.Count)).ConfigureAwait(false);
        var filtered = new TagValuesRequest { Name = "span.http.request.method", Query = "{ resource.service.name = `frontend` }" };
        await MeasureAsync("values of a name with a query, blocks", 2,
            async () => (await TagValues.RunAsync(filtered, all, default).ConfigureAwait(false)).Values.Count).ConfigureAwait(false);
    }

    /// <summary>Random ids against blocks that do not hold them, and ids of a compacted block of the demo load among these.</summary>
    public static async Task MissesAsync(int blockCount, int tracesPerBlock)
    {
        using var folder = new WorkFolder();
        var store = folder.Open();
        var random = new Random(1);
        var blocks = new List<BlockHandle>();
        for (var i = 1; i <= blockCount; i++)
        {
            var live = SingleSpans.Create(tracesPerBlock, random);
            var meta = await store.WriteAsync(
                TenantId.Single, BlockId.Derive(2, (ulong)i), 0, visit => LiveTraces.ForEach(live, visit), default).ConfigureAwait(false);
            blocks.Add(new BlockHandle(meta!, store));
        }

        var large = await CompactionMeasures.WriteBlockAsync(store, 0, 300_000, areSingle: false).ConfigureAwait(false);
        blocks.Add(new BlockHandle(large, store));
        var sources = new TraceSources([], blocks);
        var found = await TraceFinder.FindAsync(sources, new TraceId(1, 1), 0, 0, default).ConfigureAwait(false);
        Print($"{blockCount} blocks of {tracesPerBlock} traces; sidecars in memory: {store.Sidecars.SizeBytes} bytes; first look-up read {found.InspectedBytes} bytes of blocks");
        // What memory alone takes at this moment: a random line of as many arrays of that size.
        var arrays = Enumerable.Range(0, blockCount).Select(_ => new byte[Math.Max(64, tracesPerBlock * 2)]).ToArray();
        await MeasureAsync($"a random cache line of {blockCount} arrays", 2000, () =>
        {
            var place = (uint)random.Next();
            var sum = 0;
            foreach (var array in arrays) sum += array[(place = place * 2654435761 + 1) % (uint)array.Length];
            return Task.FromResult(sum);
        }).ConfigureAwait(false);
        await MeasureAsync($"a miss over {blockCount} blocks", 20_000, async () =>
        {
            var id = new TraceId((ulong)random.NextInt64(), (ulong)random.NextInt64());
            return (await TraceFinder.FindAsync(sources, id, 0, 0, default).ConfigureAwait(false)).SpanCount;
        }).ConfigureAwait(false);
        using var reader = await store.OpenAsync(large, default).ConfigureAwait(false);
        var ids = reader.ReadTraceIds(default);
        using var trace = new NativeBuffer();
        await MeasureAsync($"a hit among {blocks.Count} blocks, written as OTLP", 2000, async () =>
        {
            var hit = await TraceFinder.FindAsync(sources, ids[random.Next(ids.Length)], 0, 0, default).ConfigureAwait(false);
            trace.Clear();
            hit.WritePart(trace, int.MaxValue);
            return hit.SpanCount;
        }).ConfigureAwait(false);
    }

    private static async Task MeasureAsync(string what, int rounds, Func<Task<int>> run)
    {
        var before = Environment.CpuUsage.TotalTime;
        var result = await run().ConfigureAwait(false);
        var first = Environment.CpuUsage.TotalTime - before;
        for (var i = 0; i < rounds / 4; i++) await run().ConfigureAwait(false);
        before = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < rounds; i++) await run().ConfigureAwait(false);
        var each = (Environment.CpuUsage.TotalTime - before) / rounds;
        Print($"{what}: {result} found, {each.TotalMicroseconds:F1} us CPU (first time {first.TotalMicroseconds:F0})");
    }

    private static void Print(FormattableString text) => Console.WriteLine(FormattableString.Invariant(text));

    private static void Print(string text) => Console.WriteLine(text);

    private sealed class WorkFolder : IDisposable
    {
        private readonly string _root = Directory.CreateTempSubdirectory("tempo-micro-").FullName;

        public string Objects => Path.Combine(_root, "objects");

        public BlockStore Open()
        {
            var store = new BlockStore(
                LocalObjectStore.Open(Objects), Path.Combine(_root, "work"), new BlockStoreOptions { SidecarCacheBytes = 1L << 30 });
            store.Sweep();
            return store;
        }

        public void Dispose() => Directory.Delete(_root, recursive: true);
    }
}
