using Tempo.Engine.Query;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// Between a metrics query and the loop that sends: the loop asks for values, the query gives them at its next pause, the loop takes them
/// at the next tick. So a client that reads slowly is asked for, and sent, less, and holds up nothing.
/// </summary>
internal sealed class SeriesIncrements : IPartialSeries
{
    private volatile bool _isWanted;
    private IReadOnlyList<TimeSeriesResult>? _given;

    public bool IsWanted => _isWanted;

    public void Give(IReadOnlyList<TimeSeriesResult> series)
    {
        Interlocked.Exchange(ref _given, series);
        _isWanted = false;
    }

    /// <summary>By the loop: values are wanted from now on, until some are given.</summary>
    public void Ask() => _isWanted = true;

    /// <summary>By the loop: what was given since the last time; null if nothing.</summary>
    public IReadOnlyList<TimeSeriesResult>? Take() => Interlocked.Exchange(ref _given, null);
}
