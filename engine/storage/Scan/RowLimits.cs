namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// What one row of a block, which is a trace, may amount to. A trace that is more lies in several blocks; readers bring the spans of
/// a trace together from all of them.
/// </summary>
/// <param name="Entries">Spans, attributes, array items, events and links together.</param>
/// <param name="TextBytes">Bytes of keys, values and names, repeated ones counted each time.</param>
public readonly record struct RowLimits(long Entries, long TextBytes)
{
    /// <summary>
    /// A row is read and written whole, so this bounds what a cut, a merge and an answer by id need: some 20 bytes an entry and a few
    /// copies of the text. A page of the block writer ends at the first trace with which it passes twice as much, so the largest
    /// page is three times this; readers take 256 MiB and 16 Mi entries. More than Tempo lets a trace have by default (max_bytes_per_trace,
    /// 5 MB). Twice as much cost an answer of a million spans 100 MiB instead of 60.
    /// </summary>
    public static readonly RowLimits OfBlocks = new(Entries: 1 << 19, TextBytes: 8 << 20);
}

/// <summary>What spans amount to, in the terms of <see cref="RowLimits"/>.</summary>
public record struct RowWeight(long Entries, long TextBytes)
{
    public void Add(RowWeight other)
    {
        Entries += other.Entries;
        TextBytes += other.TextBytes;
    }

    public readonly bool Exceeds(RowLimits limits) => Entries > limits.Entries || TextBytes > limits.TextBytes;
}
