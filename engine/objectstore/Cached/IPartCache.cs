namespace Tempo.Engine.ObjectStore;

/// <summary>
/// A cache of parts of immutable objects that is not this process' memory: a local disk, memcached, Redis. It may forget whatever it
/// likes, and its being slow, full, damaged or gone costs a request to the store and nothing else: none of its methods throws
/// anything but <see cref="OperationCanceledException"/>. Thread safe.
/// </summary>
public interface IPartCache : IAsyncDisposable
{
    /// <summary>In metrics: <c>disk</c>, <c>memcached</c>, <c>redis</c>.</summary>
    string Name { get; }

    /// <summary>
    /// The part of this name, as it was put (<see cref="PartEnvelope"/> sees to that), or null. Its memory is new, and nobody writes to it.
    /// </summary>
    ValueTask<ReadOnlyMemory<byte>?> TryGetAsync(string name, CancellationToken cancellation);

    /// <summary>Keeps a part, or not. Nobody writes to its memory, but it is the caller's again when this has ended.</summary>
    ValueTask PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation);
}

/// <summary>What is kept where. The names are those of <c>cache.caches[].roles</c>.</summary>
public enum CacheRole
{
    /// <summary><c>bloom</c>: filters of trace ids, of the store's format.</summary>
    Bloom,

    /// <summary><c>sidecar</c>, ours: what lies beside a block and says where things are in it.</summary>
    Sidecar,

    /// <summary><c>trace-id-index</c>: the last id of each row group.</summary>
    TraceIdIndex,

    /// <summary><c>parquet-footer</c>: the end of a block's data, where its column and offset indexes are, too.</summary>
    ParquetFooter,

    /// <summary><c>parquet-page</c>: the rest of it.</summary>
    ParquetPage,
}

/// <summary>A cache and what goes into it.</summary>
public sealed record CacheTier(IPartCache Cache, IReadOnlySet<CacheRole> Roles);
