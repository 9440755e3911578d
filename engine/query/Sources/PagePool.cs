using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Memory for pages, from query to query: some megabytes that would be asked of the system, zeroed and collected each time. Of ordinary
/// pages a few are kept, of large ones none. Thread safe.
/// </summary>
internal static class PagePool
{
    /// <summary>Pages that are kept: what two threads of one query have at hand. One or two MB each.</summary>
    private const int MaxBatches = 8;

    private static readonly Lock Lock = new();
    private static readonly Stack<SpanBatch> Batches = new();

    /// <summary>A batch that nobody reads; its memory is as it was left.</summary>
    public static SpanBatch TakeBatch()
    {
        lock (Lock) return Batches.TryPop(out var batch) ? batch : new SpanBatch();
    }

    /// <summary>Nobody reads it any more.</summary>
    public static void Return(SpanBatch batch)
    {
        batch.Release();
        if (!batch.IsSmall) return;
        lock (Lock)
            if (Batches.Count < MaxBatches)
                Batches.Push(batch);
    }
}
