namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// The time of day by which blocks expire: the machine's, but never ahead of where it would be had it run steadily since
/// this object was made. A clock that jumps a year forward does not make all blocks a year older.
/// </summary>
public sealed class SteadyClock(TimeProvider time)
{
    private readonly DateTimeOffset _startTime = time.GetUtcNow();
    private readonly long _startTimestamp = time.GetTimestamp();

    public DateTimeOffset UtcNow
    {
        get
        {
            var steady = _startTime + time.GetElapsedTime(_startTimestamp);
            var wall = time.GetUtcNow();
            return wall < steady ? wall : steady;
        }
    }
}
