namespace Tempo.Ring.Membership.Etcd;

/// <summary>Where etcd is, and what is kept there (Tempo's <c>kvstore.etcd</c>).</summary>
public sealed record EtcdOptions
{
    /// <summary>host:port, any of a cluster.</summary>
    public IReadOnlyList<string> Endpoints { get; init; } = [];

    /// <summary>In front of every key.</summary>
    public string Prefix { get; init; } = "collectors/";

    public string Username { get; init; } = "";

    public string Password { get; init; } = "";

    /// <summary>https, trusted as the machine trusts.</summary>
    public bool IsTls { get; init; }

    /// <summary>Longest a request takes.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A member that is not heard of for so long is forgotten.</summary>
    public TimeSpan LeaseTtl { get; init; } = TimeSpan.FromSeconds(15);
}
