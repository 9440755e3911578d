using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// What others have counted for the same query over other traces. No trace may be in two parts, or in a part and the sources of the query that adds
/// them: what is in both counts twice.
/// </summary>
public interface IMetricsParts
{
    /// <summary>
    /// The parts, as <see cref="MetricsQuery.CountRangeAsync"/> and <see cref="MetricsQuery.CountInstantAsync"/> write them. Asked once, when the query
    /// has counted what it has itself; not at all if that fails or the range is empty. What it throws ends the query. The buffers stay the giver's, who
    /// disposes them after the query.
    /// </summary>
    Task<IReadOnlyList<NativeBuffer>> CollectAsync(CancellationToken cancellation);
}
