namespace Tempo.Engine.ObjectStore;

/// <summary>A Redis, or a cluster of it: the keys of Tempo's <c>cache.caches[].redis</c>.</summary>
public sealed record RedisOptions
{
    /// <summary><c>host:port</c> of the server, or of some of a cluster.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    /// <summary>Of Sentinels' master; empty where there are none.</summary>
    public string MasterName { get; init; } = "";

    public string UserName { get; init; } = "";
    public string Password { get; init; } = "";
    public int Database { get; init; }

    /// <summary>Of a request.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a part stays; zero: until the server needs its place.</summary>
    public TimeSpan Expiration { get; init; }

    public bool HasTls { get; init; }
}
