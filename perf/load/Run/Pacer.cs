using System.Diagnostics;

namespace Tempo.Perf.Load.Run;

/// <summary>A turn to send: its place in the run, and the moment it is due in <see cref="Stopwatch"/> ticks (0: at once).</summary>
internal readonly record struct Turn(long Sequence, long DueTicks);

/// <summary>
/// Deals turns to all connections until the deadline. At a fixed rate the schedule is open: turns fall due whether or not the server
/// keeps up, and latency counts from when a turn was due, so that a stalled server cannot hide by stopping the tool.
/// </summary>
internal sealed class Pacer
{
    private readonly long _startTicks;
    private readonly long _endTicks;
    private readonly double _intervalTicks;
    private long _dealt;

    /// <param name="requestsPerSecond">0 for as many as the server takes.</param>
    public Pacer(double requestsPerSecond, double seconds)
    {
        _intervalTicks = requestsPerSecond > 0 ? Stopwatch.Frequency / requestsPerSecond : 0;
        _startTicks = Stopwatch.GetTimestamp();
        _endTicks = _startTicks + (long)(seconds * Stopwatch.Frequency);
    }

    public long StartTicks => _startTicks;

    /// <summary>
    /// Turns that fell due before the deadline and were never dealt, because every connection was waiting for the server.
    /// </summary>
    public long MissedTurns =>
        _intervalTicks > 0 ? Math.Max(0, (long)((_endTicks - _startTicks) / _intervalTicks) - Interlocked.Read(ref _dealt)) : 0;

    public bool IsOver => Stopwatch.GetTimestamp() >= _endTicks;

    /// <summary>Takes back a turn that was dealt and not used, so that it counts as missed.</summary>
    public void TakeBack() => Interlocked.Decrement(ref _dealt);

    /// <summary>The next turn; false once there are no more before the deadline.</summary>
    public bool TryDeal(out Turn turn)
    {
        turn = default;
        if (IsOver) return false;
        long sequence = Interlocked.Increment(ref _dealt) - 1;
        long due = _intervalTicks > 0 ? _startTicks + (long)(sequence * _intervalTicks) : 0;
        if (due >= _endTicks)
        {
            TakeBack();
            return false;
        }
        turn = new Turn(sequence, due);
        return true;
    }
}
