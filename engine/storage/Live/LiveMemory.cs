using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// What live data takes in memory, from counts that are there anyway: looking at each of some fifty arrays would cost more than the answer
/// is worth, and arrays are kept for reuse (<see cref="LiveBatchPool"/>), so that their lengths say what was there before. The load tool's
/// traffic takes six tenths of its request bytes, short texts that are all different two times theirs and more: request bytes say nothing.
/// <para>
/// Of a batch that has grown to its size it is right to a quarter of it. One that has begun may have room for sixteen thousand spans with
/// attributes like those of its first two thousand (14 MB at the most, 2 of ordinary spans); one of a few spans takes 7 KB, which are not
/// counted.
/// </para>
/// </summary>
internal static class LiveMemory
{
    // Columns by their elements, and an eighth for room to grow: they grow by a quarter. Of a span 74 bytes, or 90 with those columns that
    // are rare.
    private const long SpanBytes = 90, TraceBytes = 36, ResourceBytes = 20, EventBytes = 23, LinkBytes = 45, AttributeBytes = 15,
        ItemBytes = 9;

    // Its offset, and its places in a table that is a quarter to a half full.
    private const long TextBytes = 28;

    /// <summary>Bytes of a batch's columns and texts. For who appends to it.</summary>
    public static long BytesOf(LiveBatch batch)
    {
        var columns = batch.Columns;
        return columns.SpanCount * SpanBytes + columns.TraceCount * TraceBytes
            + (columns.Resources.Count + columns.Scopes.Count) * ResourceBytes
            + columns.Events.Count * EventBytes + columns.Links.Count * LinkBytes
            + BytesOf(columns.SpanAttributes) + BytesOf(columns.Resources.Attributes) + BytesOf(columns.Scopes.Attributes)
            + BytesOf(columns.Events.Attributes) + BytesOf(columns.Links.Attributes)
            + BytesOf(batch.Strings) + BytesOf(batch.ResourceMessages) + BytesOf(batch.ScopeMessages);
    }

    private static long BytesOf(AttributeColumns attributes) => attributes.Count * AttributeBytes + attributes.ItemCount * ItemBytes;

    private static long BytesOf(InternTable texts) => texts.Count * TextBytes + texts.Offsets[texts.Count] * 9L / 8;
}
