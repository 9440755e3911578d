using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// The traces with ids from <paramref name="First"/> to <paramref name="Last"/>, both included. Rows of a block ascend by trace id, so that
/// a slice is some of its row groups; and all parts and copies of a trace lie in the same one, so that answers of slices only have to be
/// put together.
/// </summary>
public sealed record TraceSlice(TraceId First, TraceId Last)
{
    /// <summary>Why row groups and pages are passed over that have no trace of it.</summary>
    internal const string Outside = "outside the slice";

    /// <summary>The slice that has all traces.</summary>
    public static TraceSlice All { get; } = new(default, TraceId.MaxValue);

    public bool Contains(in TraceId id) => First.CompareTo(id) <= 0 && id.CompareTo(Last) <= 0;

    /// <summary>Whether a trace with an id between these two, both included, may be of it.</summary>
    public bool Meets(in TraceId first, in TraceId last) => First.CompareTo(last) <= 0 && first.CompareTo(Last) <= 0;

    internal bool Meets((TraceId First, TraceId Last) ids) => Meets(ids.First, ids.Last);

    /// <summary>The row groups of a block that may have traces of the slice, ascending; all without one.</summary>
    internal static int[] RowGroupsOf(TraceSlice? slice, BlockReader block) =>
        [.. Enumerable.Range(0, block.RowGroupCount).Where(group => slice is null || slice.Meets(block.IdsOf(group)))];

    /// <summary>Which of ascending ids are of it.</summary>
    internal Range RangeIn(ReadOnlySpan<TraceId> ascending) => TraceId.RangeOf(ascending, First, Last);

    /// <summary>
    /// Marks the traces of a batch, by their numbers there, that are not of it; null if all are. <paramref name="hasAny"/> says whether
    /// some are.
    /// </summary>
    internal bool[]? MarkOutside(SpanBatch batch, out bool hasAny)
    {
        // Of a live batch there may be more a moment later, in a longer array, which nobody reads.
        var all = batch.TraceIds;
        var ids = all.AsSpan(0, Math.Min(batch.TraceCount, all.Length));
        return batch.TraceStart.Length == 0 ? MarkUnordered(ids, out hasAny) : MarkAscending(ids, out hasAny);
    }

    private bool[]? MarkAscending(ReadOnlySpan<TraceId> ids, out bool hasAny)
    {
        var (start, count) = RangeIn(ids).GetOffsetAndLength(ids.Length);
        hasAny = count > 0;
        if (count == ids.Length) return null;
        var marks = new bool[ids.Length];
        marks.AsSpan(0, start).Fill(true);
        marks.AsSpan(start + count).Fill(true);
        return marks;
    }

    private bool[]? MarkUnordered(ReadOnlySpan<TraceId> ids, out bool hasAny)
    {
        var marks = new bool[ids.Length];
        var outside = 0;
        for (var trace = 0; trace < ids.Length; trace++)
            if (marks[trace] = !Contains(ids[trace]))
                outside++;
        hasAny = outside < ids.Length;
        return outside > 0 ? marks : null;
    }
}
