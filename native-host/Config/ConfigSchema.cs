using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Startup;
using Tempo.Engine.Storage.Wal;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// Every key the configuration file may contain: Tempo's names (2.x and 3.x), and <c>wal.sync</c>, which is ours. A key
/// that is not here, nor below a subtree named here, is an error.
/// </summary>
public static class ConfigSchema
{
    private static readonly TimeSpan OneYear = TimeSpan.FromDays(365);

    /// <summary>Keys with an effect, in the order in which <c>/status/config</c> prints them; then those without.</summary>
    public static readonly ConfigKey[] Keys =
    [
        new ConfigScalar("target", Targets.Set, o => o.Target),
        Bool("multitenancy_enabled", (o, v) => o.MultitenancyEnabled = v, o => o.MultitenancyEnabled),
        new ConfigScalar("http_api_prefix", SetApiPrefix, o => QuoteYaml(o.HttpApiPrefix)),
        .. ApiKeys.TopLevel,
        Duration("shutdown_delay", TimeSpan.FromHours(1), (o, v) => o.ShutdownDelay = v, o => o.ShutdownDelay),

        new ConfigScalar("server.http_listen_address", SetHttpAddress, o => QuoteYaml(o.HttpListenAddress)),
        new ConfigScalar("server.http_path_prefix", SetPathPrefix, o => QuoteYaml(o.HttpPathPrefix)),
        Int("server.http_listen_port", 0, 65535, (o, v) => o.HttpListenPort = v, o => o.HttpListenPort),
        .. ApiKeys.Server,
        .. TlsKeys.Server,
        Choice("server.log_level", [("debug", LogLevel.Debug), ("info", LogLevel.Info), ("warn", LogLevel.Warn), ("error", LogLevel.Error)],
            (o, v) => o.LogLevel = v, o => o.LogLevel),
        Choice("server.log_format", [("logfmt", LogFormat.Logfmt), ("json", LogFormat.Json)], (o, v) => o.LogFormat = v, o => o.LogFormat),
        Duration("server.graceful_shutdown_timeout", TimeSpan.FromHours(1),
            (o, v) => o.GracefulShutdownTimeout = v, o => o.GracefulShutdownTimeout),

        .. AuthenticationKeys.All,

        Duration("distributor.retry_after_on_resource_exhausted", OneYear,
            (o, v) => o.Node = o.Node with { RetryAfterOnRateLimit = v }, o => o.Node.RetryAfterOnRateLimit),
        Duration("distributor.artificial_delay", TimeSpan.FromMinutes(1),
            (o, v) => o.Node = o.Node with { ArtificialDelay = v }, o => o.Node.ArtificialDelay),
        Int("distributor.max_tenants", 1, 10_000_000, (o, v) => o.Node = o.Node with { MaxTenants = v }, o => o.Node.MaxTenants),
        Bytes("distributor.max_inflight_bytes", 1 << 20, 1L << 40, (o, v) => o.Node = o.Node with { MaxInflightBytes = v },
            o => o.Node.MaxInflightBytes),
        Int("distributor.max_attribute_bytes", 0, int.MaxValue,
            (o, v) => o.Node = o.Node with { MaxAttributeBytes = v }, o => o.Node.MaxAttributeBytes),
        .. DistributorKeys.All,
        .. ReceiverKeys.All,
        .. RingKeys.All,

        .. ApiKeys.Querier,
        .. ApiKeys.QueryFrontend,
        Int("query_frontend.max_query_expression_size_bytes", 1, 1 << 30,
            SetMaxQueryBytes, o => o.Search.MaxQueryBytes),
        Int("query_frontend.search.default_result_limit", 1, int.MaxValue, (o, v) => o.Search.DefaultLimit = v, o => o.Search.DefaultLimit),
        Int("query_frontend.search.max_result_limit", 0, int.MaxValue, (o, v) => o.Search.MaxLimit = v, o => o.Search.MaxLimit),
        Int("query_frontend.search.default_spans_per_span_set", 1, int.MaxValue,
            (o, v) => o.Search.DefaultSpansPerSpanSet = v, o => o.Search.DefaultSpansPerSpanSet),
        Int("query_frontend.search.max_spans_per_span_set", 0, int.MaxValue,
            (o, v) => o.Search.MaxSpansPerSpanSet = v, o => o.Search.MaxSpansPerSpanSet),
        Duration("query_frontend.search.max_duration", OneYear * 100, (o, v) => o.Search.MaxDuration = v, o => o.Search.MaxDuration),
        Duration("query_frontend.search.query_backend_after", OneYear,
            (o, v) => o.Search.DefaultDuration = v, o => o.Search.DefaultDuration),

        .. SearchLimitKeys.All,
        .. MetricsQueryKeys.All,

        Choice("wal.sync", [("group", WalSyncMode.Group), ("os", WalSyncMode.Os)],
            (o, v) => o.Node = o.Node with { WalSync = v }, o => o.Node.WalSync),

        .. CacheKeys.All,
        .. StorageKeys.All,
        Folder("storage.trace.wal.path", (o, v) => o.Node = o.Node with { WalPath = v }, o => o.Node.WalPath),
        Duration("storage.trace.wal.ingestion_time_range_slack", TimeSpan.FromDays(365),
            (o, v) => o.Node = o.Node with { IngestionTimeRangeSlack = v }, o => o.Node.IngestionTimeRangeSlack),
        Bytes("storage.trace.wal.reserve_bytes", 0, 1L << 50, (o, v) => o.Node = o.Node with { WalReserveBytes = v },
            o => o.Node.WalReserveBytes),
        Folder("storage.trace.local.path", (o, v) => o.Node = o.Node with { BlocksPath = v }, o => o.Node.BlocksPath),
        new ConfigScalar("storage.trace.block.version", SetBlockVersion, o => o.Node.BlockVersion),
        Fraction("storage.trace.block.bloom_filter_false_positive", 1e-6, 0.5,
            (o, v) => o.Node = o.Node with { BloomFalsePositive = v }, o => o.Node.BloomFalsePositive),
        Int("storage.trace.block.bloom_filter_shard_size_bytes", 1024, 1 << 30,
            (o, v) => o.Node = o.Node with { BloomShardBytes = v }, o => o.Node.BloomShardBytes),
        Bytes("storage.trace.block.parquet_row_group_size_bytes", 1 << 20, 1L << 32,
            (o, v) => o.Node = o.Node with { RowGroupBytes = v }, o => o.Node.RowGroupBytes),
        .. QueryMemoryKeys.All,
        Bool("storage.trace.block.auto_promote", (o, v) => o.Node = o.Node with { AutoPromote = v }, o => o.Node.AutoPromote),
        new ConfigStructure("storage.trace.block.parquet_dedicated_columns", DedicatedColumnsConfig.Set, DedicatedColumnsConfig.Render),
        Bool("storage.trace.blocklist_from_tenant_index",
            (o, v) => o.Node = o.Node with { UseTenantIndex = v }, o => o.Node.UseTenantIndex),

        Int("storage.trace.blocklist_poll_tenant_index_builders", 0, 1000,
            (o, v) => o.Node = o.Node with { TenantIndexBuilders = v }, o => o.Node.TenantIndexBuilders),
        Duration("storage.trace.blocklist_poll_stale_tenant_index", OneYear,
            (o, v) => o.Node = o.Node with { StaleTenantIndex = v }, o => o.Node.StaleTenantIndex),
        Bool("storage.trace.blocklist_poll_fallback", (o, v) => o.Node = o.Node with { TenantIndexFallback = v },
            o => o.Node.TenantIndexFallback),
        Bool("storage.trace.trace_deletion_enabled", (o, v) => o.Api.IsTraceDeletionEnabled = v, o => o.Api.IsTraceDeletionEnabled),

        // One pair of fields; ingester is what 2.x calls it.
        Duration("live_store.max_block_duration", OneYear,
            (o, v) => o.Node = o.Node with { MaxBlockDuration = v }, o => o.Node.MaxBlockDuration),
        Duration("live_store.max_trace_idle", OneYear, (o, v) => o.Node = o.Node with { TraceIdlePeriod = v }, o => o.Node.TraceIdlePeriod),
        Duration("ingester.trace_idle_period", OneYear,
            (o, v) => o.Node = o.Node with { TraceIdlePeriod = v }, o => o.Node.TraceIdlePeriod) with { Render = NotAgain },
        Bytes("live_store.max_block_bytes", 1, 1L << 40, SetLiveBytes, o => o.Node.MaxLiveBytes),
        Duration("ingester.max_block_duration", OneYear,
            (o, v) => o.Node = o.Node with { MaxBlockDuration = v }, o => o.Node.MaxBlockDuration) with { Render = NotAgain },
        Bytes("ingester.max_block_bytes", 1, 1L << 40, SetLiveBytes, _ => null),
        .. CompactionKeys.All,
        .. LimitKeys.All,
        Text("overrides.per_tenant_override_config", (o, v) => o.OverridesFile = v, o => o.OverridesFile),
        Duration("overrides.per_tenant_override_period", TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1),
            (o, v) => o.OverridesPeriod = v, o => o.OverridesPeriod),
        Bool("overrides.enable_legacy_overrides", (o, v) => o.AreLegacyOverridesEnabled = v, o => o.AreLegacyOverridesEnabled),
        Bool("overrides.user_configurable_overrides.enabled", (o, v) => o.UserOverrides.IsEnabled = v, o => o.UserOverrides.IsEnabled),
        Duration("overrides.user_configurable_overrides.poll_interval", TimeSpan.FromMilliseconds(10), OneYear,
            (o, v) => o.UserOverrides.PollInterval = v, o => o.UserOverrides.PollInterval),
        Choice("overrides.user_configurable_overrides.client.backend", [("local", "local"), ("", "local")],
            (o, v) => o.UserOverrides.Backend = v, o => o.UserOverrides.Backend),
        Text("overrides.user_configurable_overrides.client.local.path", (o, v) => o.UserOverrides.Path = v, o => o.UserOverrides.Path),
        Bool("overrides.user_configurable_overrides.api.check_for_conflicting_runtime_overrides",
            (o, v) => o.UserOverrides.ChecksConflicts = v, o => o.UserOverrides.ChecksConflicts),
        .. GeneratorKeys.All,
        Bool("auth_enabled", (o, v) => o.MultitenancyEnabled = v, o => o.MultitenancyEnabled) with { Render = NotAgain },

        .. KeysWithoutEffect.All,
    ];

    private static readonly Dictionary<string, ConfigKey> ByPath = Keys.ToDictionary(static k => k.Path, StringComparer.Ordinal);
    private static readonly HashSet<string> Sections = [.. Keys.SelectMany(static k => Prefixes(k.Path))];

    /// <summary>The entry of a path, or null.</summary>
    public static ConfigKey? Find(string path) => ByPath.GetValueOrDefault(path);

    /// <summary>True if some entry lies below the path.</summary>
    public static bool IsSection(string path) => Sections.Contains(path);

    // Of an old name: the value is printed under the new one.
    private static string? NotAgain(HostOptions options) => null;

    // An example of Tempo's has 1_000_000; less than a MiB is no cut but a request.
    private static void SetLiveBytes(HostOptions options, long bytes) =>
        options.Node = options.Node with { MaxLiveBytes = Math.Max(bytes, 1 << 20) };

    private static void SetMaxQueryBytes(HostOptions options, int bytes)
    {
        options.Search.MaxQueryBytes = bytes;
        options.Node = options.Node with { Metrics = options.Node.Metrics with { MaxQueryBytes = bytes } };
    }

    private static string? SetApiPrefix(HostOptions options, string text) => TrySetPrefix(text, prefix => options.HttpApiPrefix = prefix);

    private static string? SetPathPrefix(HostOptions options, string text) => TrySetPrefix(text, prefix => options.HttpPathPrefix = prefix);

    private static string? TrySetPrefix(string text, Action<string> set)
    {
        var prefix = text.TrimEnd('/');
        if (prefix.Length > 0 && !prefix.StartsWith('/')) return $"{GoText.Quote(text)} must start with /";
        set(prefix);
        return null;
    }

    private static string? SetHttpAddress(HostOptions options, string text)
    {
        if (!new ListenAddress(text, options.HttpListenPort).IsWellFormed) return $"{GoText.Quote(text)} is not an address";
        options.HttpListenAddress = text;
        return null;
    }

    // vParquet3 is taken, so that a configuration of Tempo starts; ConfigFile then says what is written instead.
    private static string? SetBlockVersion(HostOptions options, string text)
    {
        if (text is not ("vParquet3" or "vParquet4" or "vParquet5")) return $"{GoText.Quote(text)[1..^1]} is not a valid block version";
        options.Node = options.Node with { BlockVersion = text };
        return null;
    }

    private static IEnumerable<string> Prefixes(string path)
    {
        for (var dot = path.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = path.IndexOf('.', dot + 1)) yield return path[..dot];
    }
}
