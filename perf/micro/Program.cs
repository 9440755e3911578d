using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Micro;

const string Usage = """
    tempo-micro query [--spans 1000000] [--blocks 4] [--folder /tmp/tempo-micro] [--rounds 3] [--only text] [--results folder] [--cache-mib 96]
                      [--query TraceQL | --range TraceQL with a metrics function]
        Builds blocks of the load tool's traffic in the folder (once), runs a fixed list of searches, metrics queries and questions
        for tags on them, and prints the table of what each costs; --results keeps it as query-table.md (query-table-cold.md with --cache-mib 0, where no
        unpacked column is kept from query to query).
    tempo-micro columns --file data.parquet [--only text]
        What it costs to unpack each column of a block.
    tempo-micro levels --file data.parquet [--only text]
        CPU and bytes of each column's pages at each level of zstd.
    tempo-micro blocks --requests file.bin [--spans-per-block 250000]
        Sidecar bytes a span, CPU of tag names and values; a file of requests is made by tempo-load generate.
    tempo-micro misses [--blocks 1000] [--traces 2000]
        CPU of a look-up by id that finds nothing.
    tempo-micro compaction [--spans-per-block 1000000] [--blocks 4] [--single-span-traces [--text-bytes 0]] [--apart] [--no-copy] [--keep] [--folder /tmp/tempo-micro] [--build]
        MB a CPU-second and growth of memory while blocks become one; make them first, with the same options and --build. --apart:
        the inputs have ids of ranges of their own and are as compaction leaves them, so that row groups are copied, unless --no-copy.
    tempo-micro ingest [--spans 75000] [--spans-per-request 300] [--rounds 9] [--dedicated]
        CPU time and allocated bytes a span, from the receiver's buffer to a block, stage by stage.
    tempo-micro memory [--spans 75000] [--depth 2] [--rounds 3] [--folder /tmp/tempo-micro]
        Bytes that live data, the writer of blocks and a merge keep, by owner.
    tempo-micro gate [--baselines perf/gate] [--update]
        Fails if a span allocates more at ingest, a query more, or a span takes more bytes on disk, than the machine's file allows.
    tempo-micro trace [--spans 10000] [--rounds 20]
        CPU and garbage of the answer to one trace by its id, live and from blocks, without a server.
    tempo-micro chunks [--mib 64] [--rounds 9] [--folder /tmp]
        Garbage and CPU of a block's bytes on their way from an object service to a query: from the service, the cache on disk and memory.
    tempo-micro kernels [--only text]
        Each vector kernel against its scalar twin.
    """;

var verb = args.Length > 0 ? args[0] : "";
var options = new OptionReader(args.Skip(1));
try
{
    switch (verb)
    {
        case "query": return await QueryBenchmark.RunAsync(options).ConfigureAwait(false);
        case "columns": return ColumnBenchmark.Run(options);
        case "levels": return LevelBenchmark.Run(options);
        case "blocks":
            await SidecarMeasures.BlocksAsync(options.Text("--requests") ?? throw new OptionException("blocks needs --requests file.bin."),
                options.Int("--spans-per-block", 250_000, 1, 100_000_000)).ConfigureAwait(false);
            return 0;
        case "misses":
            await SidecarMeasures.MissesAsync(options.Int("--blocks", 1000, 1, 1_000_000), options.Int("--traces", 2000, 1, 10_000_000))
                .ConfigureAwait(false);
            return 0;
        case "compaction": return await CompactionMeasures.RunAsync(options).ConfigureAwait(false);
        case "ingest": return IngestReport.Run(options);
        case "memory": return await MemoryMap.RunAsync(options).ConfigureAwait(false);
        case "gate": return await AllocationGate.RunAsync(options).ConfigureAwait(false);
        case "trace": return await TraceMeasures.RunAsync(options).ConfigureAwait(false);
        case "chunks": return await ChunkMeasures.RunAsync(options).ConfigureAwait(false);
        case "kernels": return KernelBenchmark.Run(options);
        default:
            Console.WriteLine(Usage);
            return 2;
    }
}
catch (OptionException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}
