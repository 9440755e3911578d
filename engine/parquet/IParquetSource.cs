namespace Tempo.Engine.Parquet;

/// <summary>
/// Where the bytes of a file come from. Guarantees asked of an implementation: the bytes do not change, and reads may run
/// at the same time from several threads.
/// </summary>
public interface IParquetSource
{
    /// <summary>Length of the file in bytes.</summary>
    long Length { get; }

    /// <summary>
    /// Fills <paramref name="destination"/> from <paramref name="offset"/>; throws <see cref="IOException"/> if it cannot be filled.
    /// </summary>
    void Read(long offset, Span<byte> destination);

    /// <summary>Each read costs a round trip over a network, so that it is worth saying beforehand what will be read.</summary>
    bool IsFar => false;

    /// <summary>
    /// Says what will be read next, all of it soon. A source far away brings it near in as few round trips as it can; a
    /// failure is the later read's.
    /// </summary>
    void Prefetch(IReadOnlyList<(long Offset, long Count)> ranges)
    {
    }
}
