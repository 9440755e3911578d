using System.Globalization;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// A store with caches before it, outside of this process' memory, for reads of objects that never change: those that
/// <paramref name="roleOf"/> gives a role. All else goes to the store. A deleted object may go on to be read from a cache: nobody asks for one that
/// nothing refers to any more.
/// <code>
/// read    the first cache of the role that has it → those before it get it, too
///         none has it → the store, in requests as large as can be → all caches of the role get it, behind the reader's back
/// </code>
/// What is never replaced is kept under its name; filters of trace ids and indexes, which tools make anew (<c>tempo gen bloom</c>), under the version that the
/// store says they have, for which it is asked each time.
/// Ranges that begin at a multiple of <see cref="CachedObjectReader.ChunkBytes"/> are kept in such chunks, others and whole objects as they were asked for.
/// </summary>
/// <param name="inner">The store.</param>
/// <param name="tiers">The caches, nearest first.</param>
/// <param name="roleOf">Of an object, and whether a read reaches its end; null: it may change.</param>
/// <param name="options">How much may wait to be written to caches.</param>
/// <param name="metrics">Counts.</param>
public sealed class CachingObjectStore(IObjectStore inner, IReadOnlyList<CacheTier> tiers, Func<ObjectKey, bool, CacheRole?> roleOf, WriteBackOptions options, CacheMetrics metrics) : IObjectStore, IAsyncDisposable
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

        if (await FindAsync(role, name, cancellation).ConfigureAwait(false) is { } there && there.Length <= maxSizeBytes) return there.ToArray();
        var content = await inner.TryGetAsync(key, maxSizeBytes, cancellation).ConfigureAwait(false);
        if (content is not null) Offer(tiers, role, name, content);
        return content;
    }

    public async ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default)
    {
        // Readers of chunks cut the last one at the object's end.
        var reachesEnd = destination.Length % Chunk != 0;
        if (destination.IsEmpty || roleOf(key, reachesEnd) is not { } role) return await inner.GetRangeAsync(key, offset, destination, cancellation).ConfigureAwait(false);
        return role is CacheRole.ParquetFooter or CacheRole.ParquetPage && offset % Chunk == 0
            ? await GetChunksAsync(key, offset, destination, cancellation).ConfigureAwait(false)
            : await GetPartAsync(role, string.Create(CultureInfo.InvariantCulture, $"{key}:{offset}+{destination.Length}"), key, offset, destination, cancellation).ConfigureAwait(false);
    }

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.PutAsync(key, content, cancellation);

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) => inner.PutAsync(key, content, sizeBytes, cancellation);

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) => inner.PutFileAsync(key, path, cancellation);

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.TryPutIfAbsentAsync(key, content, cancellation);

    public ValueTask<bool> TryReplaceAsync(ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => inner.TryReplaceAsync(key, expected, content, cancellation);

    public ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default) => inner.TryGetInfoAsync(key, cancellation);

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) => inner.ListAsync(folder, scope, cancellation);

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => inner.DeleteAsync(key, cancellation);

    /// <summary>What waits to be written to caches is dropped; the store itself is the caller's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writeBack.DisposeAsync().ConfigureAwait(false);
        foreach (var tier in tiers) await tier.Cache.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<int> GetPartAsync(CacheRole role, string name, ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        if (await FindAsync(role, name, cancellation).ConfigureAwait(false) is { } there && there.Length <= destination.Length)
        {
            there.CopyTo(destination);
            return there.Length;
        }

        var count = await inner.GetRangeAsync(key, offset, destination, cancellation).ConfigureAwait(false);
        Offer(tiers, role, name, destination[..count]);
        return count;
    }

    // Chunks that no cache has and that lie side by side are one request.
    private async ValueTask<int> GetChunksAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        var count = (destination.Length + Chunk - 1) / Chunk;
        var isThere = new bool[count];
        await SideBySide.ForEachAsync(Enumerable.Range(0, count), MaxParallel, async index =>
        {
            var part = Slice(destination, index, 1);
            if (await FindAsync(RoleOf(key, part), NameOf(key, offset, index), cancellation).ConfigureAwait(false) is not { } there || there.Length != part.Length) return;
            there.CopyTo(part);
            isThere[index] = true;
        }, cancellation).ConfigureAwait(false);

        for (var first = 0; first < count; first++)
        {
            if (isThere[first]) continue;
            var end = first + 1;
            while (end < count && !isThere[end]) end++;
            var run = Slice(destination, first, end - first);
            var read = await inner.GetRangeAsync(key, offset + (long)first * Chunk, run, cancellation).ConfigureAwait(false);
            // The object ends here, before its reader expected it: not to be kept.
            if (read < run.Length) return first * Chunk + read;
            for (var index = first; index < end; index++)
            {
                var part = Slice(destination, index, 1);
                Offer(tiers, RoleOf(key, part), NameOf(key, offset, index), part);
            }

            first = end;
        }

        return destination.Length;
    }

    private CacheRole RoleOf(ObjectKey key, ReadOnlyMemory<byte> part) => roleOf(key, part.Length < Chunk) ?? CacheRole.ParquetPage;

    private static Memory<byte> Slice(Memory<byte> destination, int first, int count) => destination.Slice(first * Chunk, Math.Min(count * Chunk, destination.Length - first * Chunk));

    private static string NameOf(ObjectKey key, long offset, int index) => string.Create(CultureInfo.InvariantCulture, $"{key}:{offset / Chunk + index}");

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

    private void Offer(IEnumerable<CacheTier> to, CacheRole role, string name, ReadOnlyMemory<byte> content)
    {
        byte[]? copy = null;
        foreach (var tier in to)
            if (tier.Roles.Contains(role)) _writeBack.Offer(tier.Cache, name, copy ??= content.ToArray());
    }
}
