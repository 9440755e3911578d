namespace Tempo.Engine.Foundation;

/// <summary>
/// Bounds the garbage of large arrays. The collector lets it grow with the heap before it looks at it again: with 150 MB of
/// live columns, by another 150 MB (measured). What allocates large arrays while it warms up asks here at each page or batch
/// instead; once everything is reused, that is next to never. A collection without compaction marks a heap that is nearly
/// all numbers: some milliseconds. Thread safe.
/// </summary>
public static class GarbageBudget
{
    /// <summary>Allocated bytes between two full collections, for what warms up once.</summary>
    private const long MaxBytes = 8 << 20;

    /// <summary>
    /// The same for queries, which go on for ever: a heavy one allocates some megabytes, so that this is a collection for some
    /// tens of them. Without it the answers to a trace of a million spans (600 MB of columns each) left 7 GB of garbage.
    /// </summary>
    private const long MaxQueryBytes = 128 << 20;

    /// <summary>
    /// Where the heap is large, because live data is, a collection takes longer (10 ms at 250 MB) and everybody waits for it: beyond this
    /// size an eighth of the heap is garbage before it is looked at.
    /// </summary>
    private const long SmallHeapBytes = 96 << 20;

    /// <summary>
    /// Where much is allocated, pauses of a collection are at most this part of the time, so that of a hundred requests none meets a long
    /// one: who allocates fast has more garbage instead, up to a quarter of what is in use.
    /// </summary>
    private const int TimesOfCollecting = 400;
    private const int MaxPacedPart = 4;

    /// <summary>
    /// Memory that the collector holds and nobody uses, beyond which it is given back: at least this, and an eighth of what is used. The
    /// collector keeps free regions for twenty collections, which here is minutes, and holes between large arrays for good.
    /// </summary>
    private const long MinUnusedBytes = 8 << 20;

    /// <summary>
    /// Giving back moves what is in use together, and everybody waits for it, some tens of milliseconds. While the process grows to its
    /// size it is done after so many allocated bytes, doubled each time; from then on by the clock, when it has become a three hundredth of
    /// the time, so that of a hundred requests none meets it.
    /// </summary>
    private const long FirstGivingBackBytes = 16 << 20;
    private const int TimesOfGivingBack = 300;
    private const int MinSecondsBetween = 2;
    private const int MaxSecondsBetween = 30;

    /// <summary>
    /// Bytes of small objects between two collections of the young generations, where the collector itself waits until they fill the last
    /// level cache, 25 MB: at 10,000 spans/s that is half a minute's garbage.
    /// </summary>
    private const long MaxYoungBytes = 4 << 20;

    /// <summary>A little less than the second after which the loop comes, whose clock is another.</summary>
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(0.9);

    // Of the loop that has the clock.
    private static TimeSpan s_checked;
    private static long s_allocatedAtCheck;
    private static TimeSpan s_nextYoung;
    private static TimeSpan s_nextByClock;
    private static long s_youngAllocatedBefore;
    private static int s_youngCollectionsBefore;
    private static long s_growthBytes = FirstGivingBackBytes;
    private static long s_nextOfGrowth = FirstGivingBackBytes; // allocated bytes
    private static long s_allocatedBefore;
    private static int s_collectionsBefore;
    private static long s_usedBytes; // after the last full collection
    private static long s_pauseTicks; // of the last that moved nothing
    private static long s_pacedBytes; // allocated in TimesOfCollecting such pauses

    /// <summary>Collects if more was allocated since the last full collection than the budget allows.</summary>
    public static void Check() => Check(MaxBytes);

    /// <summary>The same with the budget of queries: at the beginning of each, and wherever one takes much.</summary>
    public static void CheckQuery() => Check(MaxQueryBytes, isOfQueries: true);

    /// <summary>
    /// For a loop that comes by about once a second or more often, one thread: collects what is young, some milliseconds, and gives back
    /// what is held and not used. Does nothing within nine tenths of a second of the last time.
    /// </summary>
    public static void CheckYoung(TimeProvider time)
    {
        var now = time.GetElapsedTime(0);
        var passed = now - s_checked;
        if (passed >= TimeSpan.Zero && passed < CheckInterval) return;
        // Another clock than the last one's, of another node in this process.
        if (passed < TimeSpan.Zero) s_nextYoung = s_nextByClock = now + TimeSpan.FromSeconds(MinSecondsBetween);
        s_checked = now;
        NotePace(passed);
        if (now >= s_nextByClock) GiveBackByClock(now);
        CollectYoung(now);
    }

    private static void CollectYoung(TimeSpan now)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        if (GC.CollectionCount(0) == s_youngCollectionsBefore)
        {
            if (allocated - s_youngAllocatedBefore < MaxYoungBytes || now < s_nextYoung) return;
            var before = GC.GetTotalPauseDuration();
            GC.Collect(1, GCCollectionMode.Forced, blocking: true);
            s_nextYoung = now + After(before, TimesOfCollecting);
        }

        s_youngCollectionsBefore = GC.CollectionCount(0);
        s_youngAllocatedBefore = allocated;
    }

    private static void NotePace(TimeSpan passed)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        var bytes = allocated - s_allocatedAtCheck;
        s_allocatedAtCheck = allocated;
        var paced = passed > TimeSpan.Zero ? bytes * (Volatile.Read(ref s_pauseTicks) * (double)TimesOfCollecting / passed.Ticks) : 0;
        Volatile.Write(ref s_pacedBytes, (long)Math.Min(paced, Volatile.Read(ref s_usedBytes) / MaxPacedPart));
    }

    /// <summary>
    /// Collects whatever was allocated: before something that takes tens of megabytes of large arrays anew, of which the last one that
    /// did so has left as many.
    /// </summary>
    public static void Collect()
    {
        Volatile.Write(ref s_allocatedBefore, GC.GetTotalAllocatedBytes());
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
        NoteCollection();
    }

    // What is in use, which is known only now: later the heap's size has garbage in it.
    private static void NoteCollection()
    {
        var heap = GC.GetGCMemoryInfo(GCKind.FullBlocking);
        Volatile.Write(ref s_usedBytes, heap.HeapSizeBytes - heap.FragmentedBytes);
        if (!heap.Compacted) Volatile.Write(ref s_pauseTicks, heap.PauseDurations[0].Ticks);
        Volatile.Write(ref s_collectionsBefore, GC.CollectionCount(GC.MaxGeneration));
    }

    private static void Check(long maxBytes, bool isOfQueries = false)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        var before = Volatile.Read(ref s_allocatedBefore);
        var collections = GC.CollectionCount(GC.MaxGeneration);
        if (collections != Volatile.Read(ref s_collectionsBefore))
        {
            // The collector was there by itself since.
            NoteCollection();
            Interlocked.CompareExchange(ref s_allocatedBefore, allocated, before);
            return;
        }

        if (allocated - before < maxBytes) return;
        // Marking takes time by what is in use, so of much in use queries, which come one after another, may leave as much garbage.
        var usedBytes = Volatile.Read(ref s_usedBytes);
        var garbageBytes = isOfQueries ? usedBytes : Math.Max((usedBytes - SmallHeapBytes) / 8, Volatile.Read(ref s_pacedBytes));
        if (allocated - before < garbageBytes) return;
        if (Interlocked.CompareExchange(ref s_allocatedBefore, allocated, before) != before) return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
        GiveBackOfGrowth(allocated);
        NoteCollection();
    }

    private static void GiveBackOfGrowth(long allocated)
    {
        if (allocated < Volatile.Read(ref s_nextOfGrowth) || !TryGiveBack()) return;
        // Called by one thread at a time for each budget: who comes second has lost the exchange in Check, or gives back once more.
        var next = Volatile.Read(ref s_growthBytes);
        Volatile.Write(ref s_nextOfGrowth, allocated + next);
        Volatile.Write(ref s_growthBytes, 2 * next);
    }

    private static void GiveBackByClock(TimeSpan now)
    {
        var before = GC.GetTotalPauseDuration();
        if (!TryGiveBack()) return;
        s_nextByClock = now + After(before, TimesOfGivingBack);
    }

    // So many times the pauses since then.
    private static TimeSpan After(TimeSpan pausesBefore, int times) => TimeSpan.FromSeconds(
        Math.Clamp((GC.GetTotalPauseDuration() - pausesBefore).TotalSeconds * times, MinSecondsBetween, MaxSecondsBetween));

    private static bool TryGiveBack()
    {
        var heap = GC.GetGCMemoryInfo(GCKind.Any);
        var used = heap.HeapSizeBytes - heap.FragmentedBytes;
        if (heap.TotalCommittedBytes - used < Math.Max(MinUnusedBytes, used / 8)) return false;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return true;
    }
}
