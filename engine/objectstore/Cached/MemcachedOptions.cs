namespace Tempo.Engine.ObjectStore;

/// <summary>Servers of memcached: the keys of Tempo's <c>cache.caches[].memcached</c>.</summary>
public sealed record MemcachedOptions
{
    /// <summary><c>host:port</c>; with <c>dns+</c> before it, each address that the name has is a server of its own.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>Of a request, connecting included.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Connections that are kept open to a server.</summary>
    public int MaxIdleConnections { get; init; } = 16;

    /// <summary>Larger parts are not sent; 0: all are.</summary>
    public int MaxItemBytes { get; init; }

    /// <summary>How long a part stays; zero: until the server needs its place.</summary>
    public TimeSpan TimeToLive { get; init; }

    /// <summary>How often names are resolved.</summary>
    public TimeSpan UpdateInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>So many failed requests in a row, and a server is left alone for <see cref="RestTime"/>.</summary>
    public int BreakAfterFailures { get; init; } = 10;

    public TimeSpan RestTime { get; init; } = TimeSpan.FromSeconds(10);
}
