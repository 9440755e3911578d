namespace Tempo.Engine.Foundation;

/// <summary>Keeps memory for the next who needs some.</summary>
public interface IKeepsSpareMemory
{
    /// <summary>Lets go of all of it. From any thread.</summary>
    void LetGo();
}

/// <summary>
/// What pools keep for the next one is worth having as long as there is memory for everything else: where the process has little left, all
/// of them let go at once. Thread safe.
/// </summary>
public static class SpareMemory
{
    // Of the memory that the process may have. What is left is what one query, or one cut, takes at once.
    private const int ShortNumerator = 5, ShortDenominator = 8;

    /// <summary>Collections without which nothing new is known: letting go again would give back nothing.</summary>
    private const int MinCollectionsBetween = 4;

    private static readonly Lock s_lock = new();
    private static readonly List<WeakReference<IKeepsSpareMemory>> s_owners = [];
    private static int s_nextCollection;
    private static int s_isLettingGo;

    /// <summary>From now on it is asked, too, for as long as somebody else holds it.</summary>
    public static void Register(IKeepsSpareMemory owner)
    {
        lock (s_lock)
        {
            s_owners.RemoveAll(static known => !known.TryGetTarget(out _));
            s_owners.Add(new WeakReference<IKeepsSpareMemory>(owner));
        }
    }

    /// <summary>Lets go if more than five eighths of the memory are in use; cheap otherwise.</summary>
    public static void LetGoIfShort()
    {
        var heap = GC.GetGCMemoryInfo(GCKind.Any);
        if (heap.HeapSizeBytes - heap.FragmentedBytes <= heap.TotalAvailableMemoryBytes / ShortDenominator * ShortNumerator) return;
        var (next, now) = (Volatile.Read(ref s_nextCollection), GC.CollectionCount(GC.MaxGeneration));
        if (now < next || Interlocked.CompareExchange(ref s_nextCollection, now + MinCollectionsBetween, next) != next) return;
        LetGo();
    }

    /// <summary>
    /// Lets go of everything, and of what the collector holds for nobody: for who has just been refused memory. Of many who are refused
    /// together one does it.
    /// </summary>
    public static void LetGo()
    {
        if (Interlocked.Exchange(ref s_isLettingGo, 1) != 0) return;
        try
        {
            LetGoOfAll();
        }
        finally
        {
            Volatile.Write(ref s_isLettingGo, 0);
        }
    }

    private static void LetGoOfAll()
    {
        List<IKeepsSpareMemory> owners = [];
        lock (s_lock)
            foreach (var known in s_owners)
                if (known.TryGetTarget(out var owner))
                    owners.Add(owner);
        foreach (var owner in owners) owner.LetGo();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
