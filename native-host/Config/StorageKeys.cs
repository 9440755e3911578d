using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary><c>storage.trace.{backend,s3,azure,gcs}</c>: which object service holds the blocks. Secrets are never printed.</summary>
internal static class StorageKeys
{
    private const string S3 = "storage.trace.s3.";
    private const string Azure = "storage.trace.azure.";
    private const string Gcs = "storage.trace.gcs.";
    private const string NotYet = "not available in this version";
    private const string NotNeeded = "not needed by this engine";
    private static readonly TimeSpan OneHour = TimeSpan.FromHours(1);

    public static IEnumerable<ConfigKey> All =>
    [
        new ConfigScalar("storage.trace.backend", SetBackend, o => o.StorageBackend),
        Duration("storage.trace.blocklist_poll", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1), SetPoll, o => o.Remote.BlocklistPoll),
        // ours
        Duration("storage.trace.listing_delay", TimeSpan.Zero, TimeSpan.FromMinutes(5),
            (o, v) => o.Remote = o.Remote with { ListingDelay = v }, o => o.Remote.ListingDelay),
        .. S3Keys,
        .. AzureKeys,
        .. GcsKeys,
        .. Without(S3, NotNeeded, "bucket_lookup_type", "signature_v2", "list_blocks_concurrency", "native_aws_auth_enabled",
            "enable_dual_stack", "checksum_type"),
        .. Without(S3, NotYet, "metadata", "tls_cert_path", "tls_key_path", "tls_ca_path", "tls_server_name", "tls_cipher_suites",
            "tls_min_version"),
        .. Without(Azure, NotNeeded, "max_buffers", "buffer_size", "use_v2_sdk"),
        .. Without(Gcs, NotNeeded, "list_blocks_concurrency", "object_metadata", "max_retries"),
        .. Without(Gcs, NotYet, "object_cache_control"),
        // Not in silence: the process would take a certificate it was told not to, or the other way about.
        new ConfigRefused(S3 + "tls_insecure_skip_verify", NotYet),
        new ConfigRefused(S3 + "sse.kms_encryption_context", NotYet),
        new ConfigRefused(S3 + "sse.encryption_key", NotYet),
    ];

    /// <summary>
    /// The service that the configuration names, or null for the local folder. Throws <see cref="ConfigException"/> if something is
    /// missing.
    /// </summary>
    public static RemoteStorage? Resolve(HostOptions options) => options.StorageBackend switch
    {
        "s3" => options.Remote with { S3 = Has(options.S3.Bucket, S3 + "bucket") ? options.S3 : null },
        "azure" =>
            options.Remote with
            {
                Azure = Has(options.Azure.Container, Azure + "container_name")
                && Has(options.Azure.AccountName, Azure + "storage_account_name")
                && IsBase64(options.Azure.AccountKey, Azure + "storage_account_key") ? options.Azure : null
            },
        "gcs" => options.Remote with { Gcs = Has(options.Gcs.Bucket, Gcs + "bucket_name") ? options.Gcs : null },
        _ => null,
    };

    private static ConfigKey[] S3Keys =>
    [
        S3Text("bucket", (s, v) => s with { Bucket = v }, s => s.Bucket),
        S3Text("prefix", (s, v) => s with { Prefix = v }, s => s.Prefix),
        S3Text("endpoint", (s, v) => s with { Endpoint = v }, s => s.Endpoint),
        S3Text("region", (s, v) => s with { Region = v }, s => s.Region),
        S3Text("access_key", (s, v) => s with { AccessKey = v }, s => s.AccessKey),
        Secret(S3 + "secret_key", (o, v) => o.S3 = o.S3 with { SecretKey = v }, o => o.S3.SecretKey),
        Secret(S3 + "session_token", (o, v) => o.S3 = o.S3 with { SessionToken = v }, o => o.S3.SessionToken),
        Bool(S3 + "insecure", (o, v) => o.S3 = o.S3 with { IsInsecure = v }, o => o.S3.IsInsecure),
        Bool(S3 + "forcepathstyle", (o, v) => o.S3 = o.S3 with { ForcePathStyle = v }, o => o.S3.ForcePathStyle),
        Int(S3 + "part_size", 0, 1 << 30, (o, v) => o.S3 = o.S3 with { PartSizeBytes = v == 0 ? o.S3.PartSizeBytes : Math.Max(v, 5 << 20) },
            o => o.S3.PartSizeBytes),
        S3Text("storage_class", (s, v) => s with { StorageClass = v }, s => s.StorageClass),
        Choice(S3 + "sse.type", [("", ""), ("SSE-S3", "SSE-S3"), ("SSE-KMS", "SSE-KMS")], (o, v) => o.S3 = o.S3 with { SseType = v },
            o => o.S3.SseType) with { Render = static o => QuoteYaml(o.S3.SseType) },
        S3Text("sse.kms_key_id", (s, v) => s with { SseKmsKeyId = v }, s => s.SseKmsKeyId),
        new ConfigStructure(S3 + "tags", SetTags,
            static o => $"{{{string.Join(", ", o.S3.Tags.Select(static tag => $"{GoText.Quote(tag.Key)}: {GoText.Quote(tag.Value)}"))}}}"),
        Hedge(S3),
        .. Without(S3, NotNeeded, "hedge_requests_up_to"),
    ];

    private static ConfigKey[] AzureKeys =>
    [
        AzureText("container_name", (a, v) => a with { Container = v }, a => a.Container),
        AzureText("storage_account_name", (a, v) => a with { AccountName = v }, a => a.AccountName),
        Secret(Azure + "storage_account_key", (o, v) => o.Azure = o.Azure with { AccountKey = v }, o => o.Azure.AccountKey),
        Secret(Azure + "sas_token", (o, v) => o.Azure = o.Azure with { SasToken = v }, o => o.Azure.SasToken),
        AzureText("prefix", (a, v) => a with { Prefix = v }, a => a.Prefix),
        AzureText("endpoint_suffix", (a, v) => a with { EndpointSuffix = v }, a => a.EndpointSuffix),
        Bool(Azure + "use_managed_identity", (o, v) => o.Azure = o.Azure with { UseManagedIdentity = v }, o => o.Azure.UseManagedIdentity),
        Bool(Azure + "use_federated_token", (o, v) => o.Azure = o.Azure with { UseFederatedToken = v }, o => o.Azure.UseFederatedToken),
        AzureText("user_assigned_id", (a, v) => a with { UserAssignedId = v }, a => a.UserAssignedId),
        Hedge(Azure),
        .. Without(Azure, NotNeeded, "hedge_requests_up_to"),
    ];

    private static ConfigKey[] GcsKeys =>
    [
        GcsText("bucket_name", (g, v) => g with { Bucket = v }, g => g.Bucket),
        GcsText("prefix", (g, v) => g with { Prefix = v }, g => g.Prefix),
        GcsText("endpoint", (g, v) => g with { Endpoint = v }, g => g.Endpoint),
        Bool(Gcs + "insecure", (o, v) => o.Gcs = o.Gcs with { IsInsecure = v }, o => o.Gcs.IsInsecure),
        Int(Gcs + "chunk_buffer_size", 1 << 18, 1 << 30, (o, v) => o.Gcs = o.Gcs with { ChunkBytes = v & ~((1 << 18) - 1) },
            o => o.Gcs.ChunkBytes),
        Hedge(Gcs),
        .. Without(Gcs, NotNeeded, "hedge_requests_up_to"),
    ];

    private static ConfigScalar S3Text(string key, Func<S3Options, string, S3Options> set, Func<S3Options, string> get) =>
        Text(S3 + key, (o, v) => o.S3 = set(o.S3, v), o => get(o.S3));

    private static ConfigScalar AzureText(string key, Func<AzureOptions, string, AzureOptions> set, Func<AzureOptions, string> get) =>
        Text(Azure + key, (o, v) => o.Azure = set(o.Azure, v), o => get(o.Azure));

    private static ConfigScalar GcsText(string key, Func<GcsOptions, string, GcsOptions> set, Func<GcsOptions, string> get) =>
        Text(Gcs + key, (o, v) => o.Gcs = set(o.Gcs, v), o => get(o.Gcs));

    private static ConfigScalar Secret(string path, Action<HostOptions, string> set, Func<HostOptions, string> get) =>
        Text(path, set, get) with { Render = o => get(o).Length == 0 ? "\"\"" : "<secret>" };

    private static ConfigScalar Hedge(string section) => Duration(
        section + "hedge_requests_at", OneHour, (o, v) => o.Remote = o.Remote with { Requests = o.Remote.Requests with { HedgeAfter = v } },
        o => o.Remote.Requests.HedgeAfter);

    private static IEnumerable<ConfigKey> Without(string section, string reason, params string[] keys) =>
        keys.Select(key => new ConfigWithoutEffect(section + key, reason));

    private static bool Has(string value, string key) => value.Length > 0 ? true : throw new ConfigException($"{key} is missing");

    private static bool IsBase64(string value, string key) =>
        Convert.TryFromBase64String(value, new byte[value.Length], out _) ? true : throw new ConfigException($"{key} is not base64");

    // The same pace for the list that is read and for the index that is written.
    private static void SetPoll(HostOptions options, TimeSpan interval)
    {
        options.Remote = options.Remote with { BlocklistPoll = interval };
        options.Node = options.Node with { TenantIndexInterval = interval };
    }

    private static string? SetBackend(HostOptions options, string text)
    {
        if (text is not ("local" or "s3" or "gcs" or "azure")) return $"unknown backend {GoText.Quote(text)}";
        options.StorageBackend = text;
        return null;
    }

    private static string? SetTags(HostOptions options, YamlNode node)
    {
        if (node is not YamlMapping mapping) return "a mapping of names to values is expected";
        var tags = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, line, value) in mapping.Entries)
        {
            if (value is not YamlScalar scalar) return $"line {line}: a single value is expected";
            tags[key] = scalar.Text;
        }

        options.S3 = options.S3 with { Tags = tags };
        return null;
    }
}
