using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// The unit that is cut: a WAL generation and the live data of exactly its records. Requests enter before they write to the
/// log and leave when their spans can be read, so that a sealed generation is complete: what its blocks do not hold was
/// never acknowledged.
/// </summary>
internal sealed class Generation(WalGeneration log, LiveSegment live, long startedAt)
{
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The owner counts as one user until it seals.
    private int _users = 1;

    public WalGeneration Log { get; } = log;

    public LiveSegment Live { get; } = live;

    /// <summary>Monotonic timestamp of its beginning.</summary>
    public long StartedAt { get; } = startedAt;

    /// <summary>Tenants whose data of this generation is in a block already (a crash came between block and release).</summary>
    public HashSet<TenantId> Written { get; } = [];

    /// <summary>False if it was sealed; take the current one then.</summary>
    public bool TryEnter()
    {
        for (var users = Volatile.Read(ref _users); users > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users) return true;
            users = seen;
        }

        return false;
    }

    public void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) _empty.SetResult();
    }

    /// <summary>Lets nobody in any more; completes when the last one has left. Once.</summary>
    public Task SealAsync()
    {
        Leave();
        return _empty.Task;
    }
}
