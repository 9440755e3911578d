namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// Where those who await the appends of a group go on: on threads of a pool, as many at once as there are processors, and behind each of
/// them whatever else waits for the pool goes first. A group of twenty that is told at once is twenty pieces of work of half a millisecond
/// in the pool's queue, and all that comes meanwhile waits behind all of them, at each of its steps: a request that is only refused has
/// seven. Where more wait than
/// <see cref="MostPatient"/>, nothing goes between: who is stored must not wait for any number of those who are refused. Thread safe.
/// </summary>
/// <param name="most">That go on at once.</param>
/// <param name="pool">The threads.</param>
internal sealed class CompletionLanes(int most, ICompletionPool pool) : IThreadPoolWorkItem
{
    /// <summary>Appends that wait and still let others go between: two of the largest groups that a busy machine has.</summary>
    private const int MostPatient = 64;

    private readonly Lock _lock = new();
    private PendingAppend? _head; // guarded by _lock, like all of these
    private PendingAppend? _tail;
    private int _runningCount;
    private int _waitingCount;

    /// <summary>Tells who awaits it, soon, on another thread.</summary>
    public void Add(PendingAppend append)
    {
        append.Next = null;
        lock (_lock)
        {
            if (_tail is null) _head = append;
            else _tail.Next = append;
            _tail = append;
            _waitingCount++;
            if (_runningCount == most) return;
            _runningCount++;
        }

        pool.Queue(this);
    }

    /// <summary>One after the other, until something else waits for a thread.</summary>
    public void Execute()
    {
        while (Take() is { } append)
        {
            append.Tell();
            if (!pool.HasWork || Volatile.Read(ref _waitingCount) > MostPatient) continue;
            pool.Queue(this);
            return;
        }
    }

    private PendingAppend? Take()
    {
        lock (_lock)
        {
            if (_head is not { } append)
            {
                _runningCount--;
                return null;
            }

            _head = append.Next;
            if (_head is null) _tail = null;
            _waitingCount--;
            return append;
        }
    }
}

/// <summary>Threads that take pieces of work in the order in which they came.</summary>
internal interface ICompletionPool
{
    /// <summary>Something waits for a thread.</summary>
    bool HasWork { get; }

    void Queue(IThreadPoolWorkItem work);
}

/// <summary>The process's.</summary>
internal sealed class ThreadPoolCompletions : ICompletionPool
{
#pragma warning disable RS0030 // on which thread who waited for the log goes on; in simulation there is none
    public bool HasWork => ThreadPool.PendingWorkItemCount > 0;

    public void Queue(IThreadPoolWorkItem work) => ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
#pragma warning restore RS0030
}
