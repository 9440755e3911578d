using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// A part of a compiled filter: marks the rows of one level on which it may hold. Nodes remember what they found out about
/// string tables, so one tree serves one thread.
/// </summary>
internal abstract class FilterNode
{
    /// <summary>Whose rows it marks.</summary>
    public abstract OwnerLevel Level { get; }

    /// <summary>Guess: nanoseconds a span, so that of several the cheapest come first. Decides speed, never answers.</summary>
    public abstract double Cost { get; }

    /// <summary>Guess: share of the rows that are left.</summary>
    public abstract double Selectivity { get; }

    /// <summary>What it says of a span without events (links), for nodes of these levels: only a "not" holds there.</summary>
    public virtual bool HoldsOfNone => false;

    /// <summary>
    /// Overwrites <paramref name="marks"/>. Rows that are not in <paramref name="wanted"/> (both of this node's level) may be marked or
    /// not; bits behind the last row are 0.
    /// </summary>
    public abstract void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks);

    /// <summary>
    /// The part that excludes every span of a row group, or page, by what is known of it without reading; null if none does.
    /// </summary>
    public virtual FilterNode? FindExcluding(ISpanFacts facts) => null;

    /// <summary>One line, or a few: what is done.</summary>
    public abstract override string ToString();
}
