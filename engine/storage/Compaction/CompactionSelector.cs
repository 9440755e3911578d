using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Says which blocks become one. Pure: the same blocks and the same time give the same job.
/// <code>
/// group   window of EndTime, replication factor, format;
///         in the last 24 h the compaction level, too, so that new small blocks are not written again and again into a large one
/// order   the newest window first, there the lowest level first: what is queried most gets better first
/// fill    the smallest blocks first, up to four, as long as they stay within the limits
/// wait    fewer than four, of which one is young, wait for those to come: merges of two write each span twice as often
/// </code>
/// </summary>
public static class CompactionSelector
{
    /// <summary>Blocks of one job. More would save rewriting, and cost memory: a page of each is held.</summary>
    public const int MaxInputs = 4;

    /// <summary>
    /// Row groups of all inputs of a job together. Each of them takes some 12 KB of a footer, of which readers take 64 MiB, and in
    /// memory of who reads it 25 KB.
    /// </summary>
    private const int MaxRowGroups = 2000;

    private const int MinInputs = 2;

    private const long ActiveSeconds = 24 * 3600;

    /// <summary>A level that no block has: of windows in which the level does not matter.</summary>
    private const int AnyLevel = -1;

    /// <summary>The next job among <paramref name="blocks"/>, which are of one tenant; null if there is none.</summary>
    public static CompactionJob? Select(IEnumerable<BlockMeta> blocks, long nowSeconds, CompactionOptions options)
    {
        foreach (var group in Groups(blocks, nowSeconds, options))
            if (Fill(group, options) is { } inputs && (inputs.Count == MaxInputs || !IsYoung(group, nowSeconds, options)))
                return new CompactionJob(inputs);
        return null;
    }

    /// <summary>Blocks of one tenant that have others to be compacted with, the limits not looked at.</summary>
    public static int CountOutstanding(IEnumerable<BlockMeta> blocks, long nowSeconds, CompactionOptions options) =>
        Groups(blocks, nowSeconds, options).Sum(static group => group.Count >= MinInputs ? group.Count : 0);

    private static IEnumerable<List<BlockMeta>> Groups(IEnumerable<BlockMeta> blocks, long nowSeconds, CompactionOptions options)
    {
        var windowSeconds = Math.Max(1, (long)options.Window.TotalSeconds);
        return blocks
            .GroupBy(block => KeyOf(block, windowSeconds, nowSeconds))
            .OrderByDescending(static group => group.Key.Window)
            .ThenBy(static group => group.Key.Level)
            .ThenBy(static group => group.Key.Layout, StringComparer.Ordinal)
            .Select(static group => group.OrderBy(static block => block.CompactionLevel).ThenBy(static block => block.SizeBytes)
                .ThenBy(static block => block.BlockId).ToList());
    }

    private static GroupKey KeyOf(BlockMeta block, long windowSeconds, long nowSeconds)
    {
        var window = block.EndSeconds / windowSeconds;
        var isActive = (window + 1) * windowSeconds > nowSeconds - ActiveSeconds;
        var layout = $"{block.Format} {block.ReplicationFactor}";
        return new GroupKey(window, isActive ? block.CompactionLevel : AnyLevel, layout);
    }

    private static bool IsYoung(List<BlockMeta> group, long nowSeconds, CompactionOptions options) =>
        group.Max(static block => block.EndSeconds) is var newest && newest <= nowSeconds
            && newest > nowSeconds - (long)options.Patience.TotalSeconds;

    // Greedy from each block on: where the smallest does not fit with any other, the next may.
    private static List<BlockMeta>? Fill(List<BlockMeta> group, CompactionOptions options)
    {
        for (var first = 0; first + 1 < group.Count; first++)
        {
            var inputs = new List<BlockMeta>();
            long objects = 0, bytes = 0, rowGroups = 0;
            for (var i = first; i < group.Count && inputs.Count < MaxInputs; i++)
            {
                if (objects + group[i].TotalObjects > options.MaxObjects || bytes + group[i].SizeBytes > options.MaxBlockBytes
                    || rowGroups + group[i].RowGroupCount > MaxRowGroups)
                    continue;
                inputs.Add(group[i]);
                objects += group[i].TotalObjects;
                bytes += group[i].SizeBytes;
                rowGroups += group[i].RowGroupCount;
            }

            if (inputs.Count >= MinInputs) return inputs;
        }

        return null;
    }

    private readonly record struct GroupKey(long Window, int Level, string Layout);
}
