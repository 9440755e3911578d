using System.Globalization;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// A store with caches before it, outside of this process' memory, for reads of objects that never change: those that
/// <paramref name="roleOf"/> gives a role. All else goes to the store. A deleted object may go on to be read from a cache: nobody asks for
/// one that nothing refers to any more.
/// <code>
/// read    the first cache of the role that has it → those before it get it, too
///         none has it → the store, in requests as large as can be → all caches of the role get it, behind the reader's back
/// </code>
/// What is never replaced is kept under its name; filters of trace ids and indexes, which tools make anew (<c>tempo gen bloom</c>), under
/// the version that the store says they have, for which it is asked each time.
/// Chunks are kept as such, other ranges and whole objects as they were asked for. What is kept is the memory that the reader has: only a
/// range in memory of its own is copied.
/// </summary>
/// <param name="inner">The store.</param>
/// <param name="tiers">The caches, nearest first.</param>
/// <param name="roleOf">Of an object, and whether a read reaches its end; null: it may change.</param>
/// <param name="options">How much may wait to be written to caches.</param>
/// <param name="metrics">Counts.</param>
public sealed class CachingObjectStore(
    IObjectStore inner, IReadOnlyList<CacheTier> tiers, Func<ObjectKey, bool, CacheRole?> roleOf, WriteBackOptions options,
    CacheMetrics metrics) : IObjectStore, IAsyncDisposable
{
    private const int Chunk = CachedObjectReader.ChunkBytes;

    /// <summary>Chunks that are asked for at once.</summary>
    private const int MaxParallel = 16;

    private readonly WriteBack _writeBack = new(options, metrics);

    public ILocalObjects? LocalObjects => inner.LocalObjects;

    public async ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
    {
        if (roleOf(key, true) is not { } role) return await inner.TryGetAsync(key, maxSizeBytes, cancellation).ConfigureAwait(false);
        var name = $"{key}:all";
        if (role is CacheRole.Bloom or CacheRole.TraceIdIndex)
        {
            // A filter that is not the block's any more hides traces.
            if (await inner.TryGetInfoAsync(key, cancellation).ConfigureAwait(false) is not { } info) return null;
            name = string.Create(CultureInfo.InvariantCulture, $"{name}:{info.SizeBytes}-{info.LastModified.UtcTicks}-{info.Version}");
        }

        if (await FindAsync(role, name, cancellation).ConfigureAwait(false) is { } there && there.Length <= maxSizeBytes)
            return there.ToArray();
        var content = await inner.TryGetAsync(key, maxSizeBytes, cancellation).ConfigureAwait(false);
        if (content is not null) Offer(tiers, role, name, content);
        return content;
    }

    public async ValueTask<int> GetRangeAsync(
        ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default)
    {
        if (destination.IsEmpty || roleOf(key, false) is not { } role)
            return await inner.GetRangeAsync(key, offset, destination, cancellation).ConfigureAwait(false);
        var name = string.Create(CultureInfo.InvariantCulture, $"{key}:{offset}+{destination.Length}");
        if (await FindAsync(role, name, cancellation).ConfigureAwait(false) is { } there && there.Length <= destination.Length)
        {
            there.CopyTo(destination);
            return there.Length;
        }

        var count = await inner.GetRangeAsync(key, offset, destination, cancellation).ConfigureAwait(false);
        Offer(tiers, role, name, destination[..count].ToArray());
        return count;
    }

    /// <summary>From the offset of a chunk on. Those that no cache has and that lie side by side are one request.</summary>
    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
        ObjectKey key, long offset, int count, CancellationToken cancellation = default)
    {
        if (roleOf(key, false) is null) return await inner.GetChunksAsync(key, offset, count, cancellation).ConfigureAwait(false);
        var chunks = new ReadOnlyMemory<byte>[(count + Chunk - 1) / Chunk];
        await SideBySide.ForEachAsync(Enumerable.Range(0, chunks.Length), MaxParallel, async index =>
        {
            if (await FindAsync(RoleOf(index), NameOf(index), cancellation).ConfigureAwait(false) is { } there
                && there.Length == LengthOf(index))
                chunks[index] = there;
        }, cancellation).ConfigureAwait(false);

        for (int first = 0, end; first < chunks.Length; first = end)
        {
            end = first + 1;
            if (!chunks[first].IsEmpty) continue;
            while (end < chunks.Length && chunks[end].IsEmpty) end++;
            var run = await inner.GetChunksAsync(
                key, offset + (long)first * Chunk, Math.Min(end * Chunk, count) - first * Chunk, cancellation).ConfigureAwait(false);
            // The object ends here, before its reader expected it: not to be kept.
            if (run.Count < end - first || run[^1].Length < LengthOf(end - 1)) return [.. chunks[..first], .. run];
            for (var index = first; index < end; index++) Offer(tiers, RoleOf(index), NameOf(index), chunks[index] = run[index - first]);
        }

        return chunks;

        int LengthOf(int index) => Math.Min(Chunk, count - index * Chunk);

        // Readers of chunks cut the last one at the object's end.
        CacheRole RoleOf(int index) => roleOf(key, LengthOf(index) < Chunk) ?? CacheRole.ParquetPage;

        string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"{key}:{offset / Chunk + index}");
    }

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        inner.PutAsync(key, content, cancellation);

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) =>
        inner.PutAsync(key, content, sizeBytes, cancellation);

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) =>
        inner.PutFileAsync(key, path, cancellation);

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        inner.TryPutIfAbsentAsync(key, content, cancellation);

    public ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            inner.TryReplaceAsync(key, expected, content, cancellation);

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) =>
        inner.TryGetInfoAsync(key, cancellation);

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) =>
        inner.ListAsync(folder, scope, cancellation);

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => inner.DeleteAsync(key, cancellation);

    /// <summary>What waits to be written to caches is dropped; the store itself is the caller's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writeBack.DisposeAsync().ConfigureAwait(false);
        foreach (var tier in tiers) await tier.Cache.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<ReadOnlyMemory<byte>?> FindAsync(CacheRole role, string name, CancellationToken cancellation)
    {
        for (var i = 0; i < tiers.Count; i++)
        {
            if (!tiers[i].Roles.Contains(role)) continue;
            var found = await tiers[i].Cache.TryGetAsync(name, cancellation).ConfigureAwait(false);
            metrics.Count(tiers[i].Cache, role, found is not null);
            if (found is not { } content) continue;
            if (i > 0) Offer(tiers.Take(i), role, name, content);
            return content;
        }

        return null;
    }

    // Nobody writes to the content any more.
    private void Offer(IEnumerable<CacheTier> to, CacheRole role, string name, ReadOnlyMemory<byte> content)
    {
        foreach (var tier in to)
            if (tier.Roles.Contains(role)) _writeBack.Offer(tier.Cache, name, content);
    }
}
