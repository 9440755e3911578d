using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>Keys of the query API, but for search.</summary>
internal static class ApiKeys
{
    /// <summary>The last two are ours.</summary>
    public static IEnumerable<ConfigKey> TopLevel =>
    [
        Bool("stream_over_http_enabled", (o, v) => o.Api.IsGrpcOverHttp = v, o => o.Api.IsGrpcOverHttp),
        Prefix("jaeger_query_prefix", (o, v) => o.Api.JaegerPrefix = v, o => o.Api.JaegerPrefix),
        Prefix("zipkin_query_prefix", (o, v) => o.Api.ZipkinPrefix = v, o => o.Api.ZipkinPrefix),
    ];

    public static IEnumerable<ConfigKey> Server =>
    [
        new ConfigRefused("server.proxy_protocol_enabled", "not available: connections would begin with a line that nobody reads"),
        new ConfigScalar("server.grpc_listen_address", SetGrpcAddress, o => QuoteYaml(o.Api.GrpcListenAddress)),
        Int("server.grpc_listen_port", 0, 65535, (o, v) => o.Api.GrpcListenPort = v, o => o.Api.GrpcListenPort),
        Bytes("server.grpc_server_max_recv_msg_size", 1024, 1 << 30,
            (o, v) => o.Api.MaxGrpcReceiveBytes = (int)v, o => o.Api.MaxGrpcReceiveBytes),
        Bytes("server.grpc_server_max_send_msg_size", 1024, 1 << 30, (o, v) => o.Api.MaxGrpcSendBytes = (int)v,
            o => o.Api.MaxGrpcSendBytes),
        Int("server.grpc_server_max_concurrent_streams", 1, 1_000_000,
            (o, v) => o.Api.MaxGrpcStreams = v, o => o.Api.MaxGrpcStreams),
    ];

    public static IEnumerable<ConfigKey> Querier =>
    [
        new ConfigScalar(
            "querier.trace_by_id.external.endpoint", SetExternal, o => QuoteYaml(o.Node.External.Endpoint?.OriginalString ?? "")),
        Duration("querier.trace_by_id.external.timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1),
            (o, v) => o.Node = o.Node with { External = o.Node.External with { Timeout = v } }, o => o.Node.External.Timeout),
    ];

    public static IEnumerable<ConfigKey> QueryFrontend =>
    [
        Bytes("query_frontend.max_grpc_streaming_packet_size", 1024, 1 << 30,
            (o, v) => o.Api.MaxGrpcPacketBytes = (int)v, o => o.Api.MaxGrpcPacketBytes),
        new ConfigStructure("query_frontend.url_deny_list", UrlDenyList.Set, UrlDenyList.Render),
        Duration("query_frontend.api_timeout", TimeSpan.FromDays(1), (o, v) => o.Api.QueryTimeout = v, o => o.Api.QueryTimeout),
        Int("query_frontend.max_outstanding_per_tenant", 1, 1_000_000,
            (o, v) => o.Node = o.Node with { MaxWaitingQueriesOfTenant = v }, o => o.Node.MaxWaitingQueriesOfTenant),
        Bool("query_frontend.trace_by_id.span_pruning_enabled", (o, v) => o.Api.IsSpanPruningEnabled = v, o => o.Api.IsSpanPruningEnabled),
        Bool("query_frontend.trace_by_id.external_enabled",
            (o, v) => o.Node = o.Node with { External = o.Node.External with { IsPartOfAll = v } }, o => o.Node.External.IsPartOfAll),
        Bool("query_frontend.mcp_server.enabled", (o, v) => o.Api.IsMcpEnabled = v, o => o.Api.IsMcpEnabled),
        Bool("query_frontend.multi_tenant_queries_enabled",
            (o, v) => o.Api.AreTenantSetsAllowed = v, o => o.Api.AreTenantSetsAllowed),
    ];

    // A prefix keeps the paths apart from those of the API itself, so it is needed where something is served.
    private static ConfigScalar Prefix(string path, Action<HostOptions, string> set, Func<HostOptions, string> get) =>
        new(path, (options, text) =>
        {
            var prefix = text.TrimEnd('/');
            if (prefix.Length > 0 && (!prefix.StartsWith('/') || prefix is "/api" or "/status"
                || prefix.Contains('{', StringComparison.Ordinal)))
                return $"{GoText.Quote(text)} is not a path of its own such as /jaeger";
            set(options, prefix);
            return null;
        }, options => QuoteYaml(get(options)));

    private static string? SetExternal(HostOptions options, string text)
    {
        var isUrl = Uri.TryCreate(text, UriKind.Absolute, out var url)
            && url is { Scheme: "http" or "https", Query: "", Fragment: "", UserInfo: "" };
        if (text.Length > 0 && !isUrl) return $"{GoText.Quote(text)} is not a URL such as http://tempo:3200, without a query or a password";
        options.Node = options.Node with { External = options.Node.External with { Endpoint = text.Length == 0 ? null : url } };
        return null;
    }

    private static string? SetGrpcAddress(HostOptions options, string text)
    {
        if (!new ListenAddress(text, options.Api.GrpcListenPort).IsWellFormed) return $"{GoText.Quote(text)} is not an address";
        options.Api.GrpcListenAddress = text;
        return null;
    }
}
