namespace Tempo.Engine.Parquet;

/// <summary>
/// A far file as one thread reads it: what it said beforehand that it would read stays with it until then, whatever becomes of it in a cache behind the
/// source, which is for what is asked for again. Not thread safe.
/// </summary>
public sealed class NearSource(IParquetSource far) : IParquetSource
{
    /// <summary>Where the pages of a row group are, the columns that are known to be read, and then all: more is not waited for at one time.</summary>
    private const int MostKept = 3;

    private readonly Queue<IReadOnlyList<FilePart>> _kept = new(MostKept);

    /// <summary>Where it comes from.</summary>
    public IParquetSource Far => far;

    public long Length => far.Length;

    public bool IsFar => far.IsFar;

    public IReadOnlyList<FilePart> Fetch(IReadOnlyList<(long Offset, long Count)> ranges)
    {
        var missing = ranges.Where(range => !Has(range.Offset, range.Count)).ToList();
        var parts = missing.Count > 0 ? far.Fetch(missing) : [];
        if (parts.Count == 0) return parts;
        if (_kept.Count == MostKept) _kept.Dequeue();
        _kept.Enqueue(parts);
        return parts;
    }

    public void Read(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty && Find(offset) is { } part)
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
            if (Find(offset) is not { } part) return false;
            offset = part.End;
        }

        return true;
    }

    // That has the byte there.
    private FilePart? Find(long offset)
    {
        foreach (var parts in _kept)
        {
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
