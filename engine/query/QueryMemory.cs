namespace Tempo.Engine.Query;

/// <summary>
/// What all queries together may take for what grows with their answers, asked for before it is taken: series, values, candidates, listed
/// spans, and the answers as text. Pages while they are read are not in it. Thread safe.
/// </summary>
public sealed class QueryMemory(long capacityBytes)
{
    private const int ShareOfMemory = 4, ShareOfOne = 2;
    private long _takenBytes;

    /// <summary>A quarter of the memory that the process may use.</summary>
    public static QueryMemory OfProcess { get; } = new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / ShareOfMemory);

    /// <summary>Of all queries.</summary>
    public long CapacityBytes => capacityBytes;

    /// <summary>The most that one query is given: half of it.</summary>
    public long MaxBytesOfOne => capacityBytes / ShareOfOne;

    /// <summary>Taken and not given back yet.</summary>
    public long TakenBytes => Interlocked.Read(ref _takenBytes);

    /// <summary>False, with nothing taken, if others have the rest.</summary>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _takenBytes, bytes) <= capacityBytes) return true;
        Interlocked.Add(ref _takenBytes, -bytes);
        return false;
    }

    /// <summary>The same. Throws <see cref="QueryException"/> (busy) if others have the rest.</summary>
    public void Take(long bytes)
    {
        if (!TryTake(bytes))
            throw new QueryException(QueryErrorKind.Busy,
                $"other queries have the {capacityBytes} bytes that answers may take (a quarter of the memory); try again");
    }

    /// <summary>Gives back what was taken.</summary>
    public void Return(long bytes) => Interlocked.Add(ref _takenBytes, -bytes);
}
