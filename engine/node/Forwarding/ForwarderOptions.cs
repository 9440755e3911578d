namespace Tempo.Engine.Node.Forwarding;

/// <summary>One entry of <c>distributor.forwarders</c>.</summary>
public sealed record ForwarderOptions
{
    /// <summary>What tenants name it by.</summary>
    public required string Name { get; init; }

    /// <summary>host:port of OTLP/gRPC servers; each gets every request.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    /// <summary>Without TLS.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>PEM of the certificates that the servers' must be signed by; empty: those of the system.</summary>
    public string CertFile { get; init; } = "";
}
