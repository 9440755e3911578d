using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Memory of batches from query to query: some megabytes of large arrays that would be asked of the system, zeroed and collected each time. Of
/// ordinary ones a few are kept, of large ones none. Thread safe.
/// </summary>
internal sealed class SpanBatchPool : IKeepsSpareMemory
{
    /// <summary>Pages: what two threads of one query have at hand. One or two MB each.</summary>
    public static readonly SpanBatchPool Pages = new(8, static batch => batch.IsSmall);

    /// <summary>Traces that are found alone in blocks, always filled with all columns: answers that are written at once, each of a trace that lies in one block.</summary>
    public static readonly SpanBatchPool Traces = new(2, static batch => batch.IsOfOrdinaryTrace);

    private readonly Lock _lock = new();
    private readonly Stack<SpanBatch> _batches = new();
    private readonly int _maxBatches;
    private readonly Func<SpanBatch, bool> _isOrdinary;

    /// <param name="maxBatches">That are kept.</param>
    /// <param name="isOrdinary">Whether one is worth keeping.</param>
    public SpanBatchPool(int maxBatches, Func<SpanBatch, bool> isOrdinary)
    {
        (_maxBatches, _isOrdinary) = (maxBatches, isOrdinary);
        SpareMemory.Register(this);
    }

    /// <inheritdoc/>
    public void LetGo()
    {
        lock (_lock) _batches.Clear();
    }

    /// <summary>A batch that nobody reads; its memory is as it was left.</summary>
    public SpanBatch Take()
    {
        lock (_lock) return _batches.TryPop(out var batch) ? batch : new SpanBatch();
    }

    /// <summary>Nobody reads it any more.</summary>
    public void Return(SpanBatch batch)
    {
        batch.Release();
        if (!_isOrdinary(batch)) return;
        lock (_lock)
            if (_batches.Count < _maxBatches)
                _batches.Push(batch);
    }

    /// <summary>Nobody reads them any more; the list is empty then.</summary>
    public void Return(List<SpanBatch> batches)
    {
        foreach (var batch in batches) Return(batch);
        batches.Clear();
    }
}
