using Tempo.Host.Authentication;

namespace Tempo.Host.Config;

/// <summary>Section <c>authentication</c>, which is ours: Tempo leaves it to a gateway in front of it.</summary>
internal static class AuthenticationKeys
{
    private const string Section = "authentication.";

    /// <summary>What a listener can be called.</summary>
    private static readonly string[] Listeners = ["http", "grpc", "otlp_grpc", "otlp_http", "zipkin", "jaeger_grpc", "jaeger_thrift_http"];

    public static IEnumerable<ConfigKey> All =>
    [
        new ConfigStructure(Section + "bearer_tokens", SetTokens,
            static o => LimitStructures.List(o.Authentication.BearerTokens.Select(static _ => "<secret>"))),
        ConfigScalar.Text(
            Section + "bearer_token_file", (o, v) => o.Authentication.BearerTokenFile = v, static o => o.Authentication.BearerTokenFile),
        new ConfigStructure(Section + "basic_users", SetUsers,
            static o => LimitStructures.Mapping(o.Authentication.BasicUsers.Select(static user => (user.Key, "<secret>")))),
        new ConfigStructure(Section + "listeners", SetListeners, static o => LimitStructures.List(o.Authentication.Listeners)),
    ];

    /// <summary>Throws <see cref="ConfigException"/> for what would be open although it looks closed.</summary>
    public static void Check(HostOptions options)
    {
        var authentication = options.Authentication;
        if (!authentication.IsOn && authentication.Listeners.Count > 0)
            throw new ConfigException(
                "authentication.listeners without bearer_tokens, bearer_token_file or basic_users: nobody would be asked");
        if (authentication.IsOn && authentication.Listeners.Count == 0
            && (options.Receivers.JaegerCompact ?? options.Receivers.JaegerBinary) is not null)
            throw new ConfigException(
                "authentication: datagrams carry no credentials, so the receivers thrift_compact and thrift_binary would stay open; leave them out, or name the listeners that ask under authentication.listeners");
        if (authentication.IsOn && (options.Ring.Store == "etcd" || options.Ring.Members.Count > 0) && options.Ring.Secret.Length == 0
            && !AsksForCertificates(options.GrpcTls))
            throw new ConfigException(
                "authentication: ring.peer_secret is missing, so whoever reaches the gRPC port could read and write as a node of the ring; set it, or verify client certificates there (server.grpc_tls_config with client_ca_file)");
    }

    private static bool AsksForCertificates(TlsOptions? tls) =>
        tls is not null && (tls.ClientAuthentication == ClientAuthentication.RequireAndVerify
            || tls.ClientAuthentication == ClientAuthentication.ByRoots && tls.ClientCaFile.Length > 0);

    private static string? SetTokens(HostOptions options, YamlNode node)
    {
        if (LimitStructures.ReadTexts(node, out var tokens) is { } error) return error;
        if (tokens.Exists(string.IsNullOrWhiteSpace)) return "a token is empty";
        options.Authentication.BearerTokens = tokens;
        return null;
    }

    private static string? SetUsers(HostOptions options, YamlNode node)
    {
        if (LimitStructures.ReadMap(node, out var users) is { } error) return error;
        foreach (var (name, password) in users)
        {
            if (name.Length == 0 || name.Contains(':', StringComparison.Ordinal))
                return $"user {GoText.Quote(name)}: a name is not empty and has no colon";
            if (password.Length == 0) return $"user {GoText.Quote(name)} has no password";
        }

        options.Authentication.BasicUsers = users;
        return null;
    }

    private static string? SetListeners(HostOptions options, YamlNode node)
    {
        if (LimitStructures.ReadTexts(node, out var names) is { } error) return error;
        foreach (var name in names)
            if (!Listeners.Contains(name)) return $"unknown listener {GoText.Quote(name)}, known are {string.Join(", ", Listeners)}";
        options.Authentication.Listeners = names;
        return null;
    }
}
