namespace Tempo.Engine.Query.Search;

/// <summary>A number of threads for the searches of a process that has no gate.</summary>
public sealed class WorkerSlots(int count) : IWorkerSlots
{
    private int _free = count;

    /// <summary>As many as the process has processors, but for the one that each search has anyway.</summary>
    public static WorkerSlots OfProcess { get; } = new(Environment.ProcessorCount - 1);

    public int Take(int wanted)
    {
        for (var free = Volatile.Read(ref _free); free > 0 && wanted > 0;)
        {
            var taken = Math.Min(free, wanted);
            var seen = Interlocked.CompareExchange(ref _free, free - taken, free);
            if (seen == free) return taken;
            free = seen;
        }

        return 0;
    }

    public void Return(int taken) => Interlocked.Add(ref _free, taken);

    public void Yield(CancellationToken cancellation) => cancellation.ThrowIfCancellationRequested();
}
