namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Reads an immutable object of a remote store in chunks that a <see cref="RangeCache"/> keeps. Chunks that lie side by side
/// and are missing, or nearly so, are one request; <see cref="FetchAsync(IReadOnlyList{ValueTuple{long, long}}, CancellationToken)"/> asks
/// for far ones at the same time, so that many small reads cost a few round trips and not one each. Thread safe.
/// </summary>
public sealed class CachedObjectReader(IObjectStore store, ObjectKey key, long sizeBytes, RangeCache cache)
{
    /// <summary>Of a chunk: a request costs about what this takes to send.</summary>
    public const int ChunkBytes = 256 * 1024;

    /// <summary>Most that one request asks for.</summary>
    private const int MaxRequestBytes = 16 << 20;

    /// <summary>
    /// What lies between two ranges of a prefetch and is read with them: less than a request costs, in time and in money.
    /// </summary>
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
        if (offset < 0 || wantedCount > sizeBytes - offset)
            throw new EndOfStreamException($"object '{key}' of {sizeBytes} bytes ends before {offset + wantedCount}");
        var chunk = offset / ChunkBytes;
        var bytes = cache.TryGet(new(key, chunk))
            ?? (await FetchAsync(chunk, LastMissing(chunk, (offset + wantedCount - 1) / ChunkBytes), cancellation)
                .ConfigureAwait(false))[0];
        var start = (int)(offset - chunk * ChunkBytes);
        return bytes.Slice(start, Math.Min(wantedCount, bytes.Length - start));
    }

    /// <summary>
    /// The chunks that have these ranges, ascending, each once: what is missing of them comes into the cache, all at once. It may go from
    /// there before it is read, to make room for what is asked for again. What cannot be fetched is left out, and to the read.
    /// </summary>
    public async Task<IReadOnlyList<(long Offset, ReadOnlyMemory<byte> Bytes)>> FetchAsync(
        IReadOnlyList<(long Offset, long Count)> ranges, CancellationToken cancellation = default)
    {
        var found = new SortedDictionary<long, ReadOnlyMemory<byte>>();
        var missing = new SortedSet<long>();
        foreach (var (offset, count) in ranges)
        {
            for (var chunk = offset / ChunkBytes; chunk * ChunkBytes < Math.Min(offset + count, sizeBytes); chunk++)
            {
                if (found.ContainsKey(chunk) || missing.Contains(chunk)) continue;
                if (cache.TryGet(new(key, chunk)) is { } there) found.Add(chunk, there);
                else missing.Add(chunk);
            }
        }

        var runs = Runs(missing);
        await SideBySide.ForEachAsync(runs, MaxParallel, async run =>
        {
            try
            {
                var fetched = await FetchAsync(run.First, run.Last, cancellation).ConfigureAwait(false);
                lock (found)
                    for (var i = 0; i < fetched.Count; i++)
                        found[run.First + i] = fetched[i];
            }
            catch (ObjectStoreException)
            {
                // Who reads it asks again, and hears of it.
            }
        }, cancellation).ConfigureAwait(false);
        return [.. found.Select(static chunk => (chunk.Key * ChunkBytes, chunk.Value))];
    }

    private static List<(long First, long Last)> Runs(SortedSet<long> chunks)
    {
        var runs = new List<(long First, long Last)>();
        foreach (var chunk in chunks)
        {
            if (runs.Count > 0 && (chunk - runs[^1].Last - 1) * ChunkBytes <= MaxGapBytes
                && (chunk - runs[^1].First + 1) * ChunkBytes <= MaxRequestBytes)
                runs[^1] = (runs[^1].First, chunk);
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

    // Chunks side by side in one request.
    private async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> FetchAsync(long first, long last, CancellationToken cancellation)
    {
        var start = first * ChunkBytes;
        var wanted = (int)(Math.Min((last + 1) * ChunkBytes, sizeBytes) - start);
        var chunks = await store.GetChunksAsync(key, start, wanted, cancellation).ConfigureAwait(false);
        var count = chunks.Sum(static chunk => chunk.Length);
        if (count < wanted) throw new EndOfStreamException($"object '{key}' ends at {start + count}; {sizeBytes} bytes belong to it");
        for (var i = 0; i < chunks.Count; i++) cache.Put(new(key, first + i), chunks[i]);
        return chunks;
    }
}
