namespace Tempo.Host.Config;

/// <summary>How the query API is served.</summary>
public sealed class ApiOptions
{
    /// <summary>Empty: every address, as the HTTP API.</summary>
    public string GrpcListenAddress { get; set; } = "";
    public int GrpcListenPort { get; set; } = 9095;

    /// <summary>The gRPC services are on the HTTP port as well.</summary>
    public bool IsGrpcOverHttp { get; set; }

    /// <summary>Largest gRPC message taken.</summary>
    public int MaxGrpcReceiveBytes { get; set; } = 16 << 20;

    /// <summary>Largest gRPC message sent; an answer that needs a larger one ends with RESOURCE_EXHAUSTED.</summary>
    public int MaxGrpcSendBytes { get; set; } = 16 << 20;

    /// <summary>Calls at once on one connection.</summary>
    public int MaxGrpcStreams { get; set; } = 100;

    /// <summary>Size at which a streamed answer goes on in another message. Clients take 4 MiB by default.</summary>
    public int MaxGrpcPacketBytes { get; set; } = 1 << 20;

    /// <summary>Queries may name several tenants, <c>a|b</c>.</summary>
    public bool AreTenantSetsAllowed { get; set; } = true;

    /// <summary>Patterns of URLs that are refused, see <see cref="Config.UrlDenyList"/>.</summary>
    public IReadOnlyList<string> UrlDenyList { get; set; } = [];

    /// <summary>Time a query over HTTP may take; an answer that has begun by then is broken off. Zero: no limit.</summary>
    public TimeSpan QueryTimeout { get; set; }

    /// <summary>Where Jaeger's query API is, such as <c>/jaeger</c>; empty: nowhere.</summary>
    public string JaegerPrefix { get; set; } = "/jaeger";

    /// <summary>Where Zipkin's query API is; empty: nowhere.</summary>
    public string ZipkinPrefix { get; set; } = "/zipkin";

    /// <summary>DELETE of a trace by its id deletes it.</summary>
    public bool IsTraceDeletionEnabled { get; set; }

    /// <summary>Answers by id let similar spans be one, for who asks for it; tenants may have it without.</summary>
    public bool IsSpanPruningEnabled { get; set; }

    /// <summary>The MCP server is at /api/mcp.</summary>
    public bool IsMcpEnabled { get; set; }
}
