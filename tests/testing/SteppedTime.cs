namespace Tempo.Testing;

/// <summary>A clock that a test moves, with timers that come due when it has passed them, in their order. Thread safe.</summary>
/// <param name="unixMs">What it shows at first.</param>
public sealed class SteppedTime(long unixMs) : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(unixMs).AddTicks(Interlocked.Read(ref _ticks));

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    /// <summary>How long the timers that were set have to wait, ascending.</summary>
    public TimeSpan[] Waits
    {
        get
        {
            lock (_lock) return [.. _timers.Select(timer => TimeSpan.FromTicks(timer.DueTicks - GetTimestamp())).Order()];
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state, period);
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        var end = GetTimestamp() + by.Ticks;
        while (true)
        {
            Timer? next;
            lock (_lock)
            {
                next = _timers.Where(timer => timer.DueTicks <= end).MinBy(static timer => timer.DueTicks);
                Interlocked.Exchange(ref _ticks, Math.Max(_ticks, next?.DueTicks ?? end));
                if (next is not null) next.Rearm();
            }

            if (next is null) return;
            next.Call();
        }
    }

    private sealed class Timer(SteppedTime time, TimerCallback callback, object? state, TimeSpan period) : ITimer
    {
        private TimeSpan _period = period;

        public long DueTicks { get; private set; }

        public void Call() => callback(state);

        public void Rearm()
        {
            if (_period > TimeSpan.Zero) DueTicks += _period.Ticks;
            else time._timers.Remove(this);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                time._timers.Remove(this);
                _period = period;
                if (dueTime < TimeSpan.Zero) return true; // never
                DueTicks = time._ticks + dueTime.Ticks;
                time._timers.Add(this);
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._lock) time._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
