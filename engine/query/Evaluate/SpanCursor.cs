using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// The span that is looked at: a row of a batch, within its trace where that is known, and the event and link that the
/// condition is tried on (-1: the span has none, or none was asked for).
/// </summary>
internal struct SpanCursor
{
    public SpanBatch Batch;
    public int Row;

    /// <summary>Null while a batch is scanned on its own.</summary>
    public OrderedTrace? Trace;

    /// <summary>Index of the span in <see cref="Trace"/>.</summary>
    public int Index;
    public int Event;
    public int Link;

    /// <summary>A span of a batch, its trace unknown.</summary>
    public static SpanCursor At(SpanBatch batch, int row) => new() { Batch = batch, Row = row, Index = -1, Event = -1, Link = -1 };

    /// <summary>A span of a complete trace.</summary>
    public static SpanCursor At(OrderedTrace trace, int index) =>
        new() { Batch = trace.Batch(index), Row = trace.Spans[index].Span, Trace = trace, Index = index, Event = -1, Link = -1 };
}
