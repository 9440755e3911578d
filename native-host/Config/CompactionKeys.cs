using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// Compaction and retention. 2.x has one section for them, 3.x the same keys in two, of the scheduler and of the worker; here
/// they are one set of options, and the last one in the file wins.
/// </summary>
internal static class CompactionKeys
{
    private const string Scheduler = "backend_scheduler.provider.compaction";

    // The same keys; values are printed below the first.
    private static readonly string[] Sections = [Scheduler + ".compaction", "backend_worker.compaction", "compactor.compaction"];

    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(365 * 100);

    public static IEnumerable<ConfigKey> All =>
    [
        .. Of(Sections[0]),
        Cycle(Scheduler + ".min_cycle_interval"),
        .. Sections[1..].SelectMany(Of).Select(Unprinted),
        .. Sections.Select(static section => Unprinted(Cycle(section + ".compaction_cycle"))),
        .. NotNeeded.Select(static path => new ConfigWithoutEffect(path, "not needed by this engine")),
        Bool("compactor.disabled", (o, v) => o.Node = o.Node with { IsCompactionDisabled = v }, o => o.Node.IsCompactionDisabled),
    ];

    private static readonly string[] NotNeeded =
    [
        Scheduler + ".max_jobs_per_tenant", Scheduler + ".min_input_blocks", Scheduler + ".max_input_blocks",
        Scheduler + ".max_compaction_level", Scheduler + ".measure_interval",
        .. from section in Sections
           from key in new[]
           {
               "v2_in_buffer_bytes", "v2_out_buffer_bytes", "v2_prefetch_traces_count", "chunk_size_bytes", "flush_size_bytes",
               "iterator_buffer_size", "max_time_per_tenant", "retention_concurrency",
           }
           select $"{section}.{key}",
    ];

    private static ConfigScalar[] Of(string section) =>
    [
        Duration(
            section + ".block_retention", LongestTime, (o, v) => o.Node = o.Node with { BlockRetention = v }, o => o.Node.BlockRetention),
        Duration(section + ".compacted_block_retention", LongestTime,
            (o, v) => o.Node = o.Node with { CompactedBlockRetention = v }, o => o.Node.CompactedBlockRetention),
        Duration(section + ".compaction_window", TimeSpan.FromSeconds(1), LongestTime,
            (o, v) => o.Node = o.Node with { CompactionWindow = v }, o => o.Node.CompactionWindow),
        // Ours: users of Tempo ask for them.
        Bytes(section + ".max_bytes", 0, long.MaxValue, (o, v) => o.Node = o.Node with { MaxRetainedBytes = v },
            o => o.Node.MaxRetainedBytes),
        Fraction(section + ".max_disk_share", 0, 1, (o, v) => o.Node = o.Node with { MaxDiskShare = v }, o => o.Node.MaxDiskShare),
        Int(section + ".max_concurrent_merges", 1, 256, (o, v) => o.Node = o.Node with { MaxConcurrentMerges = v },
            o => o.Node.MaxConcurrentMerges),
        Bytes(section + ".max_block_bytes", 1, long.MaxValue, (o, v) => o.Node = o.Node with { MaxCompactedBlockBytes = v },
            o => o.Node.MaxCompactedBlockBytes),
        Int(section + ".max_compaction_objects", 1, int.MaxValue,
            (o, v) => o.Node = o.Node with { MaxCompactionObjects = v }, o => (int)o.Node.MaxCompactionObjects),
    ];

    private static ConfigScalar Cycle(string path) =>
        Duration(path, TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1), (o, v) => o.Node = o.Node with { CompactionCycle = v },
            o => o.Node.CompactionCycle);

    // Another name of an option that is printed under its first.
    private static ConfigScalar Unprinted(ConfigScalar key) => key with { Render = static _ => null };
}
