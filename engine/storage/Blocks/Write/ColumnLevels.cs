namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The level of zstd that each column's pages are worth. Chosen from what they take at each level on the load tool's traffic
/// (<c>tempo-micro levels</c>; <c>zstd-levels.md</c> in perf/results): the one with the least CPU, a byte a span of a merge counted as 75
/// ns.
/// </summary>
internal static class ColumnLevels
{
    /// <summary>From this one on a block is written to stay; below, to be merged soon.</summary>
    public const int OfMerges = 6;

    /// <summary>
    /// Of dictionaries. What is in one comes once: a higher level looks long for repetitions that are not there, and spoils those of a few
    /// bytes (texts of span attributes: 9.0 bytes a span and 67 ns at 1, 9.8 and 360 at 5).
    /// </summary>
    public const int OfDictionaries = 1;

    // Up to here a block is one of a cut's, for which time counts and not the tenth of a byte.
    private const int Cut = 3;

    /// <summary>The level for the column of that logical path in a block of that level.</summary>
    public static int Of(string path, int blockLevel) => blockLevel < OfMerges ? OfCut(path, blockLevel) : OfMerge(path);

    // Where nearly every value is another one, a higher level looks long for what is not there. A cut's blocks are soon merged: what is
    // nearly stored costs a sixth, for a twentieth of a byte a span each.
    private static int OfCut(string path, int blockLevel) => path switch
    {
        "TraceIDText" or "rs.ss.Spans.Events.Attrs.Value" => Math.Min(blockLevel, 1),
        "rs.ss.Spans.SpanID" or "rs.ss.Spans.DurationNano" or "rs.ss.Spans.StartTimeUnixNano" => blockLevel <= Cut ? -1 : 3,
        "rs.ss.Spans.ParentSpanID" => blockLevel <= Cut ? 1 : 2,
        // From 5 on it finds something at last.
        "rs.ss.Spans.Attrs.Value" or "rs.ss.Spans.Attrs.ValueInt" when blockLevel <= 4 => 1,
        _ => blockLevel,
    };

    private static int OfMerge(string path) => path switch
    {
        // Random, or stored in as few bits as they need.
        "TraceID" or "StartTimeUnixNano" or "EndTimeUnixNano" => -1,
        "rs.ss.Spans.SpanID" or "rs.ss.Spans.ParentSpanID" or "rs.ss.Spans.StartTimeUnixNano" or "rs.ss.Spans.DurationNano" => -1,
        "TraceIDText" or "DurationNano" or "RootSpanName" => 1,
        "rs.ss.Spans.Attrs.ValueInt" => 2,
        _ when path.StartsWith("rs.Resource.Attrs.", StringComparison.Ordinal) => 2,
        "rs.ss.Spans.NestedSetLeft" or "rs.ss.Spans.NestedSetRight" or "rs.ss.Spans.ChildCount" or "rs.ss.Spans.Kind"
            or "rs.ss.Spans.Name" => 4,
        _ => 3,
    };
}
