namespace Tempo.Host.Config;

/// <summary>What the HTTP or gRPC server of a receiver goes by. Zero, null or empty: what this engine does by itself.</summary>
public sealed class ReceiverServerOptions
{
    /// <summary>Requests at once on one HTTP/2 connection.</summary>
    public int MaxConcurrentStreams { get; set; }

    /// <summary>A connection without a request for so long is closed.</summary>
    public TimeSpan IdleTimeout { get; set; }

    /// <summary>The head of a request must be there by then.</summary>
    public TimeSpan ReadHeaderTimeout { get; set; }

    /// <summary>
    /// With the first request after this time a connection is told to go; what is under way on it finishes. So a balancer spreads senders
    /// anew.
    /// </summary>
    public TimeSpan MaxConnectionAge { get; set; }

    /// <summary>Of HTTP/2: silence before the client is asked whether it is there, at least 1 s; and the time it has to answer.</summary>
    public TimeSpan PingAfter { get; set; }

    /// <inheritdoc cref="PingAfter"/>
    public TimeSpan PingTimeout { get; set; }

    /// <summary>False: each HTTP/1.1 connection has one request.</summary>
    public bool AreConnectionsKept { get; set; } = true;

    /// <summary>Stand on every answer.</summary>
    public IReadOnlyDictionary<string, string> ResponseHeaders { get; set; } = new Dictionary<string, string>();

    /// <summary>Content encodings that are taken; null: all that there are.</summary>
    public IReadOnlyList<string>? ContentEncodings { get; set; }

    /// <summary>Where OTLP/HTTP takes traces.</summary>
    public string TracesPath { get; set; } = DefaultTracesPath;

    /// <summary>That of the protocol.</summary>
    public const string DefaultTracesPath = "/v1/traces";
}
