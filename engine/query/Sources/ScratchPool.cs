using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Memory of batches and of ordered traces from query to query: some megabytes of large arrays that would be asked of the system, zeroed
/// and collected each time. Of ordinary ones a few are kept, of large ones none. Thread safe.
/// </summary>
internal sealed class ScratchPool<T> : IKeepsSpareMemory where T : class, new()
{
    private readonly Lock _lock = new();
    private readonly Stack<T> _kept = new();
    private readonly int _maxKept;
    private readonly Action<T> _release;
    private readonly Func<T, bool> _isOrdinary;

    /// <param name="maxKept">That are kept.</param>
    /// <param name="release">Lets go of all that is another's.</param>
    /// <param name="isOrdinary">Whether one is worth keeping.</param>
    public ScratchPool(int maxKept, Action<T> release, Func<T, bool> isOrdinary)
    {
        (_maxKept, _release, _isOrdinary) = (maxKept, release, isOrdinary);
        SpareMemory.Register(this);
    }

    /// <inheritdoc/>
    public void LetGo()
    {
        lock (_lock) _kept.Clear();
    }

    /// <summary>One that nobody reads; its memory is as it was left.</summary>
    public T Take()
    {
        lock (_lock) return _kept.TryPop(out var kept) ? kept : new T();
    }

    /// <summary>Nobody reads it any more.</summary>
    public void Return(T item)
    {
        _release(item);
        if (!_isOrdinary(item)) return;
        lock (_lock)
            if (_kept.Count < _maxKept)
                _kept.Push(item);
    }

    /// <summary>Nobody reads them any more; the list is empty then.</summary>
    public void Return(List<T> items)
    {
        foreach (var item in items) Return(item);
        items.Clear();
    }
}

/// <summary>The pools of the process.</summary>
internal static class ScratchPools
{
    /// <summary>Pages: what two threads of one query have at hand. One or two MB each.</summary>
    public static readonly ScratchPool<SpanBatch> Pages = new(8, static batch => batch.Release(), static batch => batch.IsSmall);

    /// <summary>
    /// Traces that are found alone in blocks, always filled with all columns: answers that are written at once, each of a trace that lies
    /// in one block.
    /// </summary>
    public static readonly ScratchPool<SpanBatch> Traces = new(2, static batch => batch.Release(), static batch => batch.IsOfOrdinaryTrace);

    /// <summary>The order of the spans of such traces: a hundred bytes each.</summary>
    public static readonly ScratchPool<OrderedTrace> Orders = new(2, static trace => trace.Release(), static trace => trace.IsOrdinary);
}
