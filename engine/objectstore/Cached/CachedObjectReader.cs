namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Reads an immutable object of a remote store in chunks that a <see cref="RangeCache"/> keeps. Chunks that lie side by side
/// and are missing, or nearly so, are one request; <see cref="PrefetchAsync"/> asks for far ones at the same time, so that many small reads
/// cost a few round trips and not one each. Thread safe.
/// </summary>
public sealed class CachedObjectReader(IObjectStore store, ObjectKey key, long sizeBytes, RangeCache cache)
{
    /// <summary>Of a chunk: a request costs about what this takes to send.</summary>
    public const int ChunkBytes = 256 * 1024;

    /// <summary>Most that one request asks for.</summary>
    private const int MaxRequestBytes = 16 << 20;

    /// <summary>What lies between two ranges of a prefetch and is read with them: less than a request costs, in time and in money.</summary>
    private const int MaxGapBytes = 1 << 20;

    /// <summary>Requests of one prefetch at once.</summary>
    private const int MaxParallel = 16;

    public long SizeBytes => sizeBytes;

    /// <summary>Fills the memory from the offset. Throws <see cref="IOException"/> past the end, and as the store does.</summary>
    public async ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellation = default)
    {
        while (destination.Length > 0)
        {
            var there = await ReadChunkAsync(offset, destination.Length, cancellation).ConfigureAwait(false);
            there.CopyTo(destination);
            destination = destination[there.Length..];
            offset += there.Length;
        }
    }

    /// <summary>
    /// What the cache's chunk at the offset has of the <paramref name="wantedCount"/> bytes from there on, without a copy; what is
    /// missing of all of them is fetched by one request. Throws as <see cref="ReadAsync"/>.
    /// </summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReadChunkAsync(long offset, int wantedCount, CancellationToken cancellation = default)
    {
        if (offset < 0 || wantedCount > sizeBytes - offset) throw new EndOfStreamException($"object '{key}' of {sizeBytes} bytes ends before {offset + wantedCount}");
        var chunk = offset / ChunkBytes;
        var bytes = cache.TryGet(new(key, chunk)) ?? await FetchAsync(chunk, LastMissing(chunk, (offset + wantedCount - 1) / ChunkBytes), cancellation).ConfigureAwait(false);
        var start = (int)(offset - chunk * ChunkBytes);
        return bytes.AsMemory(start, Math.Min(wantedCount, bytes.Length - start));
    }

    /// <summary>Brings ranges into the cache, those that are not there, all at once. What fails is left to the read.</summary>
    public async Task PrefetchAsync(IReadOnlyList<(long Offset, long Count)> ranges, CancellationToken cancellation = default)
    {
        var missing = new SortedSet<long>();
        foreach (var (offset, count) in ranges)
            for (var chunk = offset / ChunkBytes; chunk * ChunkBytes < Math.Min(offset + count, sizeBytes); chunk++)
                if (!missing.Contains(chunk) && cache.TryGet(new(key, chunk)) is null)
                    missing.Add(chunk);
        var runs = Runs(missing);
        await SideBySide.ForEachAsync(runs, MaxParallel, async run =>
        {
            try
            {
                await FetchAsync(run.First, run.Last, cancellation).ConfigureAwait(false);
            }
            catch (ObjectStoreException)
            {
                // Who reads it asks again, and hears of it.
            }
        }, cancellation).ConfigureAwait(false);
    }

    private static List<(long First, long Last)> Runs(SortedSet<long> chunks)
    {
        var runs = new List<(long First, long Last)>();
        foreach (var chunk in chunks)
        {
            if (runs.Count > 0 && (chunk - runs[^1].Last - 1) * ChunkBytes <= MaxGapBytes && (chunk - runs[^1].First + 1) * ChunkBytes <= MaxRequestBytes) runs[^1] = (runs[^1].First, chunk);
            else runs.Add((chunk, chunk));
        }

        return runs;
    }

    // The last of the chunks that are missing from the first on without a break, and that one request may ask for.
    private long LastMissing(long first, long last)
    {
        var end = first + 1;
        while (end <= last && (end - first + 1) * ChunkBytes <= MaxRequestBytes && cache.TryGet(new(key, end)) is null) end++;
        return end - 1;
    }

    // Chunks side by side in one request; returns the first.
    private async ValueTask<byte[]> FetchAsync(long first, long last, CancellationToken cancellation)
    {
        var end = last + 1;
        var start = first * ChunkBytes;
        var run = new byte[Math.Min(end * ChunkBytes, sizeBytes) - start];
        var count = await store.GetRangeAsync(key, start, run, cancellation).ConfigureAwait(false);
        if (count < run.Length) throw new EndOfStreamException($"object '{key}' ends at {start + count}; {sizeBytes} bytes belong to it");
        byte[]? wanted = null;
        for (var chunk = first; chunk < end; chunk++)
        {
            var from = (int)((chunk - first) * ChunkBytes);
            var bytes = end == first + 1 ? run : run.AsSpan(from, Math.Min(ChunkBytes, run.Length - from)).ToArray();
            cache.Put(new(key, chunk), bytes);
            wanted ??= bytes;
        }

        return wanted!;
    }
}
