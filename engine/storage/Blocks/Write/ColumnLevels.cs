namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The level of zstd that each column's pages are worth. Chosen from what they take at each level on the load tool's traffic
/// (<c>tempo-micro levels</c>; perf/README.md): the one with the least CPU, a byte a span of a merge counted as 200 ns.
/// </summary>
internal static class ColumnLevels
{
    /// <summary>From this one on a block is written to stay; below, to be merged soon.</summary>
    public const int OfMerges = 6;

    // Up to here a block is one of a cut's, for which time counts and not the tenth of a byte.
    private const int Cut = 3;

    /// <summary>The level for the column of that logical path in a block of that level.</summary>
    public static int Of(string path, int blockLevel) => blockLevel < OfMerges ? OfCut(path, blockLevel) : OfMerge(path);

    // Where nearly every value is another one, a higher level looks long for what is not there. A cut's blocks are soon merged: what is nearly
    // stored costs a sixth, for a twentieth of a byte a span each.
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
        "TraceID" or "TraceIDText" or "StartTimeUnixNano" or "EndTimeUnixNano" or "DurationNano" or "RootSpanName" or "ServiceStats.SpanCount" => 1,
        "rs.ss.Spans.ParentSpanID" => 2,
        "rs.ss.Spans.SpanID" => 3,
        "rs.ss.Spans.StartTimeUnixNano" or "rs.ss.Spans.DurationNano" => 4,
        "rs.ss.Spans.NestedSetLeft" or "rs.ss.Spans.NestedSetRight" or "rs.ss.Spans.Kind" or "rs.ss.SpanCount" => 4,
        "rs.ss.Spans.ParentID" => 9,
        // What spans of a kind have in common comes again and again, in pages that are little else: long matches are worth a search.
        "rs.ss.Spans.Attrs.Key" or "rs.ss.Spans.Attrs.IsArray" or "rs.ss.Spans.Attrs.ValueDouble" or "rs.ss.Spans.Attrs.ValueBool" or "rs.ss.Spans.Attrs.ValueUnsupported" => 9,
        "rs.Resource.Attrs.Key" or "rs.Resource.Attrs.IsArray" or "rs.Resource.Attrs.ValueDouble" or "rs.Resource.Attrs.ValueBool" or "rs.Resource.Attrs.ValueUnsupported" => 6,
        // Mostly "none", or "the same as ever".
        "rs.ss.Spans.TraceState" or "rs.ss.Spans.StatusCode" or "rs.ss.Spans.StatusMessage" => 3,
        _ when path.StartsWith("rs.ss.Spans.Events.", StringComparison.Ordinal) || path.StartsWith("rs.ss.Spans.Links.", StringComparison.Ordinal) => 3,
        _ when path.StartsWith("rs.ss.Spans.Dropped", StringComparison.Ordinal) || path.StartsWith("rs.ss.Spans.StartTimeRounded", StringComparison.Ordinal) => 3,
        _ when path.StartsWith("rs.ss.Scope.", StringComparison.Ordinal) => 4,
        "rs.ss.Spans.Attrs.ValueInt" => 6,
        _ => 5,
    };
}
