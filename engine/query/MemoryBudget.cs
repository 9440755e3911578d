namespace Tempo.Engine.Query;

/// <summary>
/// Bytes that one query may take for what grows with its answer: series times intervals, values, trace ids. Taken from what all queries
/// share, in steps, and given back when it is disposed of. Thread safe.
/// </summary>
/// <param name="limitBytes">Of this query. It never has more than <see cref="QueryMemory.MaxBytesOfOne"/>.</param>
/// <param name="memory">What all queries share.</param>
internal sealed class MemoryBudget(long limitBytes, QueryMemory memory) : IDisposable
{
    /// <summary>Asked for at once, so that little things cost an addition.</summary>
    private const long StepBytes = 256 << 10;

    private readonly Lock _lock = new();
    private long _usedBytes;
    private long _takenBytes;

    /// <summary>What all queries share.</summary>
    public QueryMemory Memory => memory;

    /// <summary>Charged and not returned.</summary>
    public long UsedBytes => Interlocked.Read(ref _usedBytes);

    private long LimitBytes => Math.Min(limitBytes, memory.MaxBytesOfOne);

    /// <summary>
    /// False when the query's limit is passed. Throws <see cref="QueryException"/> (busy) when other queries have the rest.
    /// </summary>
    public bool TryCharge(long bytes)
    {
        var used = Interlocked.Add(ref _usedBytes, bytes);
        if (used > LimitBytes) return false;
        if (used > Volatile.Read(ref _takenBytes)) Take(used);
        return true;
    }

    /// <summary>What was charged and is not needed any more.</summary>
    public void Return(long bytes) => Interlocked.Add(ref _usedBytes, -bytes);

    /// <summary>Throws <see cref="QueryException"/> when the limit is passed.</summary>
    public void Charge(long bytes, string what)
    {
        if (TryCharge(bytes)) return;
        throw TooLarge(what, "ask for fewer series, a longer step or a shorter range");
    }

    /// <summary>What a query ends with whose limit is passed.</summary>
    /// <param name="what">That there is too much of.</param>
    /// <param name="instead">What would need less.</param>
    public QueryException TooLarge(string what, string instead)
    {
        var name = limitBytes <= memory.MaxBytesOfOne ? "the query's memory limit" : "a query's share of the memory";
        return new QueryException(QueryErrorKind.TooLarge, $"the query needs more than {LimitBytes} bytes for {what} ({name}); {instead}");
    }

    public void Dispose()
    {
        lock (_lock)
        {
            memory.Return(_takenBytes);
            _takenBytes = 0;
        }
    }

    private void Take(long used)
    {
        lock (_lock)
        {
            if (used <= _takenBytes) return;
            var step = Math.Min(used + StepBytes, Math.Max(used, LimitBytes)) - _takenBytes;
            memory.Take(step);
            Volatile.Write(ref _takenBytes, _takenBytes + step);
        }
    }
}
