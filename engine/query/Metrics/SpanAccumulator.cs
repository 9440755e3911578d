using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// What one thread has counted for one part of a metrics query. Spans come one by one from whole traces, or as rows of a batch;
/// each with its interval. Not thread safe.
/// </summary>
internal abstract class SpanAccumulator
{
    /// <summary>Adds a span; it may know its trace.</summary>
    public abstract void Add(in SpanCursor span, int interval);

    /// <summary>Adds rows of a batch.</summary>
    public virtual void Add(SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals)
    {
        for (var i = 0; i < rows.Length; i++) Add(SpanCursor.At(batch, rows[i]), intervals[i]);
    }

    /// <summary>By what is asked for, <see cref="TryAddAll"/> may be true of some page.</summary>
    public virtual bool CanAddAll => false;

    /// <summary>
    /// Adds all spans of a page of a block, whose starts and what the stage needs are there; false, with nothing added, if they have to be
    /// added as rows.
    /// </summary>
    public virtual bool TryAddAll(SpanBatch batch) => false;

    /// <summary>Gives scratch memory back; nothing is added any more.</summary>
    public virtual void Release()
    {
    }

    /// <summary>The spans of one whole trace were added.</summary>
    public virtual void EndTrace()
    {
    }

    /// <summary>Adds what another thread has counted for the same part.</summary>
    public abstract void AddAll(SpanAccumulator other);

    /// <summary>Writes what was counted, for another node (<see cref="MetricsPart"/>).</summary>
    public abstract void Write(PartWriter writer);

    /// <summary>
    /// Reads it into an accumulator of the same part of the query, which has counted nothing. Throws <see cref="MetricsPartException"/> if
    /// it makes no sense; the accumulator is then of no use.
    /// </summary>
    public abstract void Read(ref PartReader reader);

    /// <summary>The series, in no order. Once, at the end.</summary>
    public abstract List<Series.Series> ToSeries();
}
