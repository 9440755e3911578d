using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// The unit that is cut: a WAL generation and the live data of exactly its records. Requests enter before they write to the
/// log and leave when their spans can be read, so that a sealed generation is complete: what its blocks do not hold was
/// never acknowledged.
/// </summary>
internal sealed class Generation(WalGeneration log, LiveSegment live)
{
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The owner counts as one user until it seals.
    private int _users = 1;

    // Queries that read the live data; -1 once they are retired.
    private int _readers;

    // UTC ticks; 0: not yet, or not known, because an earlier run took the requests.
    private long _filledAtTicks;
    private long _sealedAtTicks;

    public WalGeneration Log { get; } = log;

    public LiveSegment Live { get; } = live;

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

    /// <summary>A request is about to be stored. Costs nothing but for the first.</summary>
    public void Fill(TimeProvider time)
    {
        if (Volatile.Read(ref _filledAtTicks) == 0) Interlocked.CompareExchange(ref _filledAtTicks, time.GetUtcNow().UtcTicks, 0);
    }

    /// <summary>How long ago its first request came in; zero if that is not known.</summary>
    public TimeSpan Age(TimeProvider time) =>
        Volatile.Read(ref _filledAtTicks) is var at and not 0 ? TimeSpan.FromTicks(time.GetUtcNow().UtcTicks - at) : TimeSpan.Zero;

    /// <summary>The times near those at which its requests came in; of a sealed generation.</summary>
    public TimeWindow Times(TimeSpan slack) => new(
        _filledAtTicks == 0 ? 0 : UnixNano(_filledAtTicks - slack.Ticks),
        UnixNano(Volatile.Read(ref _sealedAtTicks) + slack.Ticks));

    public void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) _empty.SetResult();
    }

    /// <summary>A query begins to read the live data; false if they are gone, and a newer view has their blocks.</summary>
    public bool TryRead()
    {
        for (var readers = Volatile.Read(ref _readers); readers >= 0;)
        {
            var seen = Interlocked.CompareExchange(ref _readers, readers + 1, readers);
            if (seen == readers) return true;
            readers = seen;
        }

        return false;
    }

    public void EndRead() => Interlocked.Decrement(ref _readers);

    /// <summary>Lets no query in any more, if none is reading at this moment; the live data may then be recycled.</summary>
    public bool TryRetire() => Interlocked.CompareExchange(ref _readers, -1, 0) == 0;

    /// <summary>Completes when it is sealed and the last request has left: it is complete, and may be cut.</summary>
    public Task Sealed => _empty.Task;

    /// <summary>Lets nobody in any more; completes when the last one has left. Once.</summary>
    public Task SealAsync(DateTimeOffset now)
    {
        Volatile.Write(ref _sealedAtTicks, now.UtcTicks);
        Leave();
        return _empty.Task;
    }

    private static ulong UnixNano(long utcTicks) =>
        (ulong)Math.Max(0, utcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * TimeSpan.NanosecondsPerTick;
}
