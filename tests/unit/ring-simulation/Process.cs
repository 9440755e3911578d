namespace Tempo.Ring.Simulation;

/// <summary>
/// One life of a node's process, and its clock. What it waited for when it died never comes; what came while it was paused comes when it
/// goes on.
/// </summary>
internal sealed class Process(World world, string name, TimeSpan clockError) : TimeProvider
{
    public static readonly DateTimeOffset Beginning = new(2026, 11, 28, 0, 0, 0, TimeSpan.Zero);

    public string Name { get; } = name;

    public bool IsDead { get; private set; }

    public bool IsPaused { get; private set; }

    public Queue<Action> Held { get; } = [];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Die()
    {
        IsDead = true;
        Held.Clear();
    }

    public void Pause() => IsPaused = true;

    public void GoOn()
    {
        IsPaused = false;
        while (Held.TryDequeue(out var held)) held();
    }

    // The wall clock is wrong by a constant, and time goes on while a process is paused.
    public override DateTimeOffset GetUtcNow() => Beginning + world.Elapsed + clockError;

    public override long GetTimestamp() => world.Now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(world, this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(World world, Process process, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private int _setting;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            Set(dueTime);
            return true;
        }

        public void Dispose() => _setting++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Set(TimeSpan wait)
        {
            var setting = ++_setting;
            if (wait < TimeSpan.Zero) return; // never
            world.After(wait, process, World.Trace is null
                ? "timer"
                : $"timer {wait.TotalMilliseconds} {string.Join('<', Environment.StackTrace.Split('\n').Where(static l => l.Contains("Tempo.", StringComparison.Ordinal) && !l.Contains("Simulation", StringComparison.Ordinal)).Select(static l => l.Trim().Split('(')[0]).Distinct().Take(3))}", () =>
                {
                    if (setting != _setting) return;
                    if (_period > TimeSpan.Zero) Set(_period);
                    callback(state);
                });
        }
    }
}
