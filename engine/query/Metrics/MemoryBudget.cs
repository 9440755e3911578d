namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// Bytes that one query may take for what grows with its answer: series times intervals, label values, trace ids. Thread safe.
/// </summary>
internal sealed class MemoryBudget(long limitBytes)
{
    private long _usedBytes;

    /// <summary>Throws <see cref="QueryException"/> when the limit is passed.</summary>
    public void Charge(long bytes, string what)
    {
        if (Interlocked.Add(ref _usedBytes, bytes) > limitBytes)
        {
            throw new QueryException(
                QueryErrorKind.TooLarge,
                $"the query needs more than {limitBytes} bytes for {what} (metrics query memory limit); ask for fewer series, a longer step or a shorter range");
        }
    }
}
