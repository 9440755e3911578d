using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>
/// What it costs to bring a block's bytes from an object service to a query, by where they are: garbage, and CPU of the whole process, what
/// is written to the cache behind the reader's back included. A file of this machine stands for the service, and a read of it for what
/// comes off a connection.
/// </summary>
internal static class ChunkMeasures
{
    /// <summary>As much as a scan says beforehand that it reads.</summary>
    private const int FetchBytes = 8 << 20;

    private static readonly ObjectKey Key = ObjectKey.Parse("tenant/block/data.parquet");

    public static async Task<int> RunAsync(OptionReader options)
    {
        var sizeBytes = options.Int("--mib", 64, 8, 1024) << 20;
        var rounds = options.Int("--rounds", 9, 1, 10_000);
        var parent = options.Text("--folder") ?? Path.GetTempPath();
        options.ExpectEnd();
        var root = Directory.CreateDirectory(Path.Combine(parent, $"tempo-micro-chunks-{Environment.ProcessId}")).FullName;
        try
        {
            var service = LocalObjectStore.Open(Path.Combine(root, "service"));
            var content = new byte[sizeBytes];
            new Random(1).NextBytes(content);
            await service.PutAsync(Key, content).ConfigureAwait(false);
            var figures = new[] { "from the service, memory alone", "from the service, into the disk's cache, too", "from the disk's cache",
                "from memory" }.Select(static what => new Figure(what)).ToArray();
            for (var round = 0; round <= rounds; round++)
            {
                await MeasureAsync(figures[0], round, () => ReadAsync(service, new RangeCache(2L * sizeBytes), sizeBytes))
                    .ConfigureAwait(false);
                var disk = DiskPartCache.Open(Path.Combine(root, $"cache-{round}"), 2L * sizeBytes);
                await using var caching = new CachingObjectStore(
                    service, [new CacheTier(disk, Enum.GetValues<CacheRole>().ToHashSet())],
                    static (_, reachesEnd) => reachesEnd ? CacheRole.ParquetFooter : CacheRole.ParquetPage,
                    new WriteBackOptions { BufferBytes = sizeBytes }, new CacheMetrics(new MetricRegistry()));
                await MeasureAsync(figures[1], round, async () =>
                {
                    await ReadAsync(caching, new RangeCache(2L * sizeBytes), sizeBytes).ConfigureAwait(false);
                    while (disk.Bytes < sizeBytes) await Task.Delay(5).ConfigureAwait(false);
                }).ConfigureAwait(false);
                var memory = new RangeCache(2L * sizeBytes);
                await MeasureAsync(figures[2], round, () => ReadAsync(caching, memory, sizeBytes)).ConfigureAwait(false);
                await MeasureAsync(figures[3], round, () => ReadAsync(caching, memory, sizeBytes)).ConfigureAwait(false);
                Directory.Delete(Path.Combine(root, $"cache-{round}"), recursive: true);
            }

            Console.WriteLine(FormattableString.Invariant(
                $"{sizeBytes >> 20} MiB in fetches of {FetchBytes >> 20} MiB; median of {rounds} rounds"));
            Console.WriteLine("| from | allocated bytes a byte | CPU ns a KiB | full collections a GiB |");
            Console.WriteLine("|---|---|---|---|");
            foreach (var figure in figures)
                Console.WriteLine(FormattableString.Invariant(
                    $"| {figure.What} | {figure.Allocated(rounds) / sizeBytes:F2} | {figure.CpuNanoseconds(rounds) / (sizeBytes >> 10):F0} | {figure.Collections * (double)(1 << 30) / rounds / sizeBytes:F1} |"));
            return 0;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task MeasureAsync(Figure figure, int round, Func<Task> read)
    {
        GC.Collect();
        var (allocated, collections, cpu) =
            (GC.GetTotalAllocatedBytes(precise: true), GC.CollectionCount(2), Environment.CpuUsage.TotalTime);
        await read().ConfigureAwait(false);
        // the first one compiles
        if (round > 0)
            figure.Add(GC.GetTotalAllocatedBytes(precise: true) - allocated, (Environment.CpuUsage.TotalTime - cpu).TotalNanoseconds,
                GC.CollectionCount(2) - collections);
    }

    // As a scan does: says what it reads, and then reads it page by page, here a byte of each chunk.
    private static async Task ReadAsync(IObjectStore store, RangeCache cache, int sizeBytes)
    {
        var reader = new CachedObjectReader(store, Key, sizeBytes, cache);
        var sum = 0L;
        for (var begin = 0L; begin < sizeBytes; begin += FetchBytes)
        {
            var count = (int)Math.Min(FetchBytes, sizeBytes - begin);
            await reader.FetchAsync([(begin, count)]).ConfigureAwait(false);
            for (var at = 0; at < count;)
            {
                var there = await reader.ReadChunkAsync(begin + at, count - at).ConfigureAwait(false);
                sum += there.Span[0];
                at += there.Length;
            }
        }

        GC.KeepAlive(sum);
    }

    /// <summary>Of one place that bytes come from, round by round.</summary>
    private sealed class Figure(string what)
    {
        private readonly List<double> _allocated = [], _cpu = [];

        public string What => what;

        public int Collections { get; private set; }

        public double Allocated(int rounds) => _allocated.Order().ElementAt(rounds / 2);

        public double CpuNanoseconds(int rounds) => _cpu.Order().ElementAt(rounds / 2);

        public void Add(long allocated, double cpuNanoseconds, int collections)
        {
            _allocated.Add(allocated);
            _cpu.Add(cpuNanoseconds);
            Collections += collections;
        }
    }
}
