using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Work;

namespace Tempo.Perf.Micro;

/// <summary>
/// What one trace costs by its id, from its columns to the bytes of an answer, without a server: CPU of the thread and garbage.
/// </summary>
internal static class TraceMeasures
{
    private const int PartBytes = 1 << 20;

    public static async Task<int> RunAsync(OptionReader options)
    {
        var spans = options.Int("--spans", 10_000, 1, 10_000_000);
        var rounds = options.Int("--rounds", spans > 100_000 ? 2 : 20, 1, 100_000);
        options.ExpectEnd();
        var root = Directory.CreateTempSubdirectory("tempo-micro-").FullName;
        try
        {
            var store =
                new BlockStore(LocalObjectStore.Open(Path.Combine(root, "objects")), Path.Combine(root, "work"), new BlockStoreOptions());
            store.Sweep();
            var (live, id) = OneTrace.Build(spans);
            var blocks = new List<BlockHandle>();
            await store.WriteAsync(TenantId.Single, BlockId.Derive(3, 1), 0, visit => LiveTraces.ForEach(live, visit), default)
                .ConfigureAwait(false);
            foreach (var meta in await store.ListAsync(static damage => Console.Error.WriteLine(damage), default).ConfigureAwait(false))
                blocks.Add(new BlockHandle(meta, store));
            Console.WriteLine(FormattableString.Invariant(
                $"one trace of {spans} spans, live and in {blocks.Count} blocks; least of {rounds}, one thread"));
            Console.WriteLine("| from | answer | MB | find, CPU ms | write, CPU ms | garbage, MB |");
            Console.WriteLine("|---|---|---|---|---|---|");
            foreach (var (from, sources) in ((string, TraceSources)[])[("live", new TraceSources(live, [])),
                ("blocks", new TraceSources([], blocks))])
                foreach (var isJson in (bool[])[false, true])
                    Measure(from, sources, id, isJson, rounds);
            return 0;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static void Measure(string from, TraceSources sources, TraceId id, bool isJson, int rounds)
    {
        var (find, write, garbage, bytes) = (double.MaxValue, double.MaxValue, 0L, 0L);
        using var part = new NativeBuffer(PartBytes + PartBytes / 8);
        var output = new ArrayBufferWriter<byte>(4 * PartBytes);
        for (var round = 0; round <= rounds; round++)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var began = ThreadClock.Nanoseconds;
            using var trace = TraceFinder.FindAsync(sources, id, 0, 0, default).GetAwaiter().GetResult();
            var found = ThreadClock.Nanoseconds;
            bytes = 0;
            for (var isFirst = true; !trace.IsAtEnd; isFirst = false)
            {
                part.Clear();
                trace.WritePart(part, PartBytes);
                output.ResetWrittenCount();
                if (isJson) OtlpJsonWriter.WriteElements(part.Written, isFirst, output);
                bytes += isJson ? output.WrittenCount : part.Length;
            }

            var written = ThreadClock.Nanoseconds;
            garbage = GC.GetAllocatedBytesForCurrentThread() - allocated;
            if (round == 0) continue; // compiles, and opens the blocks
            find = Math.Min(find, (found - began) / 1e6);
            write = Math.Min(write, (written - found) / 1e6);
        }

        Console.WriteLine(FormattableString.Invariant(
            $"| {from} | {(isJson ? "JSON" : "protobuf")} | {bytes / 1e6:F1} | {find:F2} | {write:F2} | {garbage / 1e6:F1} |"));
    }
}
