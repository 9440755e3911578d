namespace Tempo.Ring.Simulation;

/// <summary>
/// Time and order of everything that happens in a simulated ring. The nodes' own code runs as it is, on the one thread of this process's
/// pool; whatever it waits for (a timer, an answer of a node, of etcd, of the store) is an event here. When no continuation is left to run,
/// the next event happens, and the clock is at its time. So the order of all steps follows from the seed.
/// </summary>
internal sealed class World
{
    private const int MostEvents = 300_000;
    private readonly PriorityQueue<Event, (long At, long Number)> _events = new();
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _journal = [];
    private long _number;
    private Func<bool> _isDone = static () => false;

    private World(int seed) => Random = new Random(seed);

    public Random Random { get; }

    /// <summary>Ticks since the beginning.</summary>
    public long Now { get; private set; }

    public TimeSpan Elapsed => TimeSpan.FromTicks(Now);

    /// <summary>Of all events so far: their times, order and kinds.</summary>
    public ulong Digest { get; private set; } = 14695981039346656037;

    public long Events => _number;

    /// <summary>Hears of every event, where two lives of a seed are to be compared.</summary>
    public static Action<string>? Trace { get; set; }

    /// <summary>What was done, and became of it, with its time.</summary>
    public IReadOnlyList<string> Journal => _journal;

    /// <summary>Called when nothing else is left to do at this moment; true if it did something.</summary>
    public Func<bool>? Idle { get; set; }

    /// <summary>Lives a life from a seed to its end.</summary>
    public static async Task<T> LiveAsync<T>(int seed, Func<World, Task<T>> life)
    {
        var world = new World(seed);
        Task<T>? task = null;
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            task = life(world);
            world._isDone = () => task.IsCompleted;
            world.Pump();
        }, null);
        try
        {
            await world._over.Task.ConfigureAwait(false);
            return await task!.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: {e.Message}\n{world.LastLines()}", e);
        }
    }

    public void Note(string what)
    {
        _journal.Add($"{Elapsed.TotalSeconds,9:0.000} {what}");
        Mix(what);
    }

    /// <summary>Does something after a while, if the process whose it is lives then; one that is paused does it when it goes on.</summary>
    public void After(TimeSpan wait, Process? of, string kind, Action act)
    {
        var at = Now + Math.Max(0, wait.Ticks);
        _events.Enqueue(new Event(of, kind, act), (at, ++_number));
    }

    public Task DelayAsync(TimeSpan wait)
    {
        var done = new TaskCompletionSource();
        After(wait, null, "delay", done.SetResult);
        return done.Task;
    }

    public bool Chance(double share) => Random.NextDouble() < share;

    public TimeSpan Between(double fromMs, double toMs) => TimeSpan.FromMilliseconds(fromMs + (toMs - fromMs) * Random.NextDouble());

    /// <summary>
    /// A question that is answered elsewhere: what <paramref name="serve"/> returns comes back after both ways, unless one of them loses
    /// it; then only cancelling ends the waiting.
    /// </summary>
    public Task<T> CallAsync<T>(
        Process? caller, TimeSpan there, TimeSpan back, Func<T> serve, CancellationToken cancellation, bool isLostThere = false,
        bool isLostBack = false)
    {
        var answer = new TaskCompletionSource<T>();
        if (caller is { IsDead: true }) return answer.Task;
        if (cancellation.CanBeCanceled) cancellation.Register(() => answer.TrySetCanceled(cancellation));
        if (isLostThere) return answer.Task;
        After(there, null, "call", () =>
        {
            Action tell;
            try
            {
                var result = serve();
                tell = () => answer.TrySetResult(result);
            }
            catch (Exception e)
            {
                tell = () => answer.TrySetException(e);
            }

            if (!isLostBack) After(back, caller, "answer", tell);
        });
        return answer.Task;
    }

    // A work item of the pool's shared queue: whatever is queued locally, or was before, runs first.
    private void Pump()
    {
        try
        {
            while (ThreadPool.PendingWorkItemCount == 0)
            {
                if (Idle?.Invoke() == true) continue;
                if (_isDone())
                {
                    _over.SetResult();
                    return;
                }

                if (!_events.TryDequeue(out var next, out var when))
                    throw new InvalidOperationException("everything waits, and nothing is going to happen");
                if (_number > MostEvents) throw new InvalidOperationException($"{MostEvents} events and no end");
                Now = when.At;
                if (next.Of is { IsDead: true }) continue;
                if (next.Of is { IsPaused: true } paused)
                {
                    paused.Held.Enqueue(() => After(TimeSpan.Zero, paused, next.Kind, next.Act));
                    continue;
                }

                Mix(next.Kind);
                Trace?.Invoke($"{Now} {next.Of?.Name} {next.Kind}");
                next.Act();
            }
        }
        catch (Exception e)
        {
            _over.SetException(e);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static world => world.Pump(), this, preferLocal: false);
    }

    private void Mix(string what)
    {
        Digest = (Digest ^ (ulong)Now) * 1099511628211;
        foreach (var letter in what) Digest = (Digest ^ letter) * 1099511628211;
    }

    private string LastLines() =>
        string.Join('\n', _journal.Where(static (line, i) => !line.Contains(" by id: partial", StringComparison.Ordinal)).TakeLast(400));

    private sealed record Event(Process? Of, string Kind, Action Act);
}
