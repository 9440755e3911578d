namespace Tempo.Node.Tests;

/// <summary>A clock that a test moves: steadily, or the time of day alone.</summary>
internal sealed class ManualTime(DateTimeOffset start) : TimeProvider
{
    private DateTimeOffset _wall = start;
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _wall;

    public override long GetTimestamp() => _ticks;

    public void Advance(TimeSpan by)
    {
        _wall += by;
        _ticks += by.Ticks;
    }

    /// <summary>Somebody sets the machine's clock.</summary>
    public void Jump(TimeSpan by) => _wall += by;
}
