namespace Tempo.Ring.Membership.Etcd;

/// <summary>The few calls of etcd v3 that membership needs; each throws <see cref="EtcdException"/>. Thread safe.</summary>
public interface IEtcd : IDisposable
{
    /// <summary>A new lease of so many seconds.</summary>
    Task<long> GrantAsync(long ttlSeconds, CancellationToken cancellation);

    /// <summary>Seconds that the lease has from now on; 0: there is no such lease any more.</summary>
    Task<long> KeepAliveAsync(long lease, CancellationToken cancellation);

    Task RevokeAsync(long lease, CancellationToken cancellation);

    Task DeleteAsync(string key, CancellationToken cancellation);

    /// <summary>Puts a key under a lease; 0: under none.</summary>
    Task PutAsync(string key, ReadOnlyMemory<byte> value, long lease, CancellationToken cancellation);

    /// <summary>All keys under a prefix, and the revision of which they are.</summary>
    Task<(long Revision, List<(string Key, byte[] Value)> Items)> ListAsync(string prefix, CancellationToken cancellation);

    /// <summary>
    /// Calls <paramref name="onChange"/> for each change under a prefix from a revision on, with null for what was deleted. Ends
    /// with an exception: the service went, or the revision is compacted.
    /// </summary>
    Task WatchAsync(string prefix, long revision, Action<string, byte[]?> onChange, CancellationToken cancellation);
}
