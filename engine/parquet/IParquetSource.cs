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
    /// Says what will be read next, all of it soon. A source far away brings it near in as few round trips as it can and returns what came,
    /// ascending, without overlaps, with more around it perhaps; a failure is the later read's, and what failed is left out.
    /// </summary>
    IReadOnlyList<FilePart> Fetch(IReadOnlyList<(long Offset, long Count)> ranges) => [];
}

/// <summary>Bytes of a file from an offset on.</summary>
public readonly record struct FilePart(long Offset, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Offset of what follows.</summary>
    public long End => Offset + Bytes.Length;
}
