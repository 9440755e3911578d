using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// A far file as one thread reads it: what it said beforehand that it would read stays with it (<see cref="ReadAheadParts"/>) until then,
/// whatever becomes of it in a cache behind the source, which is for what is asked for again. Not thread safe.
/// </summary>
internal sealed class ReadAheadSource(IParquetSource far, ReadAheadParts parts) : IParquetSource
{
    public long Length => far.Length;

    public bool IsFar => far.IsFar;

    public IReadOnlyList<FilePart> Fetch(IReadOnlyList<(long Offset, long Count)> ranges)
    {
        var missing = ranges.Where(range => !Has(range.Offset, range.Count)).ToList();
        if (missing.Count == 0) return [];
        var fetched = far.Fetch(missing);
        parts.Keep(far, fetched);
        return fetched;
    }

    public void Read(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty && parts.Find(far, offset) is { } part)
        {
            var there = part.Bytes.Span[(int)(offset - part.Offset)..];
            if (there.Length > destination.Length) there = there[..destination.Length];
            there.CopyTo(destination);
            destination = destination[there.Length..];
            offset += there.Length;
        }

        if (!destination.IsEmpty) far.Read(offset, destination);
    }

    private bool Has(long offset, long count)
    {
        for (var end = offset + count; offset < end;)
        {
            if (parts.Find(far, offset) is not { } part) return false;
            offset = part.End;
        }

        return true;
    }
}

/// <summary>
/// What one thread has read ahead and not read yet, of whatever files: the last three fetches, each of up to
/// <see cref="ReadAhead.MaxBytes"/> in whole chunks of the cache, with which it shares them as long as that has them. Not thread safe.
/// </summary>
internal sealed class ReadAheadParts
{
    /// <summary>
    /// Where the pages of a row group are, the columns that are known to be read, and then all: more is not waited for at one time.
    /// </summary>
    private const int MaxFetches = 3;

    private readonly Queue<(IParquetSource Far, IReadOnlyList<FilePart> Parts)> _fetches = new(MaxFetches);

    public void Keep(IParquetSource far, IReadOnlyList<FilePart> parts)
    {
        if (parts.Count == 0) return;
        if (_fetches.Count == MaxFetches) _fetches.Dequeue();
        _fetches.Enqueue((far, parts));
    }

    /// <summary>The part that has the byte there; null if none has.</summary>
    public FilePart? Find(IParquetSource far, long offset)
    {
        foreach (var (source, parts) in _fetches)
        {
            if (source != far) continue;
            var (low, high) = (0, parts.Count - 1);
            while (low <= high)
            {
                var middle = (low + high) / 2;
                if (offset < parts[middle].Offset) high = middle - 1;
                else if (offset >= parts[middle].End) low = middle + 1;
                else return parts[middle];
            }
        }

        return null;
    }
}
