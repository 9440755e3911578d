using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Memory for traces that are found alone in blocks, from answer to answer: some megabytes of large arrays, which are asked of the
/// system, zeroed and collected each time. Always filled with all columns. Of ordinary traces a few are kept, of large ones none. Thread safe.
/// </summary>
internal static class TraceBatchPool
{
    /// <summary>Answers that are written at once, each of a trace that lies in one block.</summary>
    private const int MaxBatches = 2;

    private static readonly Lock Lock = new();
    private static readonly Stack<SpanBatch> Batches = new();

    /// <summary>A batch that nobody reads; its memory is as it was left.</summary>
    public static SpanBatch Take()
    {
        lock (Lock) return Batches.TryPop(out var batch) ? batch : new SpanBatch();
    }

    /// <summary>Nobody reads them any more.</summary>
    public static void Return(List<SpanBatch> batches)
    {
        foreach (var batch in batches)
        {
            batch.Release();
            if (!batch.IsOfOrdinaryTrace) continue;
            lock (Lock)
                if (Batches.Count < MaxBatches)
                    Batches.Push(batch);
        }

        batches.Clear();
    }
}
