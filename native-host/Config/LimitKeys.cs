using Tempo.Engine.Node.Overrides;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// The limits of a tenant: every key twice, by its place below <c>overrides.defaults</c> (and below a tenant in the overrides
/// file), and by the flat name that 2.x had for it.
/// </summary>
internal static class LimitKeys
{
    public const string Section = "overrides.defaults";

    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(365 * 100);

    public static IEnumerable<ConfigKey> All =>
    [
        .. Nested,
        .. Nested.Select(static key => key with { Path = LegacyPath(key.Path), Render = static _ => null }),
        .. NotNeeded.Select(static name => new ConfigWithoutEffect($"{Section}.{name}", "not needed by this engine")),
        .. NotNeeded.Select(static name => new ConfigWithoutEffect(LegacyPath($"{Section}.{name}"), "not needed by this engine")),
    ];

    // Keys of the read path that only [main] has, and of processors that are gone.
    private static readonly string[] NotNeeded =
    [
        "read.metrics_spanonly_fetch", "read.engine_bytes_tracking", "read.span_pruning_awareness",
        "metrics_generator.processor.local_blocks", "metrics_generator.processor.local_blocks_max_live_traces",
    ];

    /// <summary>True for the path of a flat name of 2.x in the configuration file.</summary>
    public static bool IsLegacyPath(string path) =>
        path.StartsWith("overrides.", StringComparison.Ordinal) && IsLegacy(path["overrides.".Length..]);

    /// <summary>True for a flat name of 2.x that is not also a name of today.</summary>
    public static bool IsLegacy(string name) => name != "forwarders" && LegacyNames.Contains(name);

    private static ConfigValue[] Nested =>
    [
        .. Ingestion(Section + ".ingestion"),
        .. Read(Section + ".read"),
        Duration(Section + ".compaction.block_retention", (l, v) => l with { Compaction = l.Compaction with { BlockRetention = v } },
            l => l.Compaction.BlockRetention),
        Long(Section + ".compaction.max_bytes", (l, v) => l with { Compaction = l.Compaction with { MaxBytes = v } },
            l => l.Compaction.MaxBytes),
        Duration(Section + ".compaction.compaction_window", (l, v) => l with { Compaction = l.Compaction with { CompactionWindow = v } },
            l => l.Compaction.CompactionWindow),
        Bool(Section + ".compaction.compaction_disabled",
            (l, v) => l with { Compaction = l.Compaction with { IsCompactionDisabled = v } }, l => l.Compaction.IsCompactionDisabled),
        .. GeneratorLimitKeys.Of(Section + ".metrics_generator"),
        LimitStructures.Texts(Section + ".forwarders", (l, v) => l with { Forwarders = v }, l => l.Forwarders),
        Long(Section + ".global.max_bytes_per_trace", (l, v) => l with { Global = new GlobalLimits { MaxBytesPerTrace = v } },
            l => l.Global.MaxBytesPerTrace),
        new ConfigStructure(Section + ".storage.parquet_dedicated_columns",
            (o, node) => DedicatedColumnsConfig.Read(node, columns => o.Limits = o.Limits with { DedicatedColumns = columns }),
            o => DedicatedColumnsConfig.Render(o.Limits.DedicatedColumns)),
        Int(Section + ".cost_attribution.max_cardinality",
            (l, v) => l with { CostAttribution = l.CostAttribution with { MaxCardinality = v } }, l => l.CostAttribution.MaxCardinality),
        LimitStructures.Map(Section + ".cost_attribution.dimensions",
            (l, v) => l with { CostAttribution = l.CostAttribution with { Dimensions = v } }, l => l.CostAttribution.Dimensions),
    ];

    private static readonly HashSet<string> LegacyNames = [.. All.Select(static k => k.Path)
        .Where(static p => !p.StartsWith(Section + ".", StringComparison.Ordinal)).Select(static p => p["overrides.".Length..])];

    private static ConfigValue[] Ingestion(string at)
    {
        return
        [
            new ConfigScalar(at + ".rate_strategy", SetStrategy, o => QuoteYaml(o.Limits.Ingestion.RateStrategy)),
            Long(at + ".rate_limit_bytes", (l, v) => l with { Ingestion = l.Ingestion with { RateLimitBytes = v } },
                l => l.Ingestion.RateLimitBytes),
            Long(at + ".burst_size_bytes", (l, v) => l with { Ingestion = l.Ingestion with { BurstSizeBytes = v } },
                l => l.Ingestion.BurstSizeBytes),
            Int(at + ".max_traces_per_user", (l, v) => l with { Ingestion = l.Ingestion with { MaxTracesPerUser = v } },
                l => l.Ingestion.MaxTracesPerUser),
            Int(at + ".max_global_traces_per_user",
                (l, v) => l with { Ingestion = l.Ingestion with { MaxGlobalTracesPerUser = v } }, l => l.Ingestion.MaxGlobalTracesPerUser),
            Int(at + ".tenant_shard_size", (l, v) => l with { Ingestion = l.Ingestion with { TenantShardSize = v } },
                l => l.Ingestion.TenantShardSize),
            Int(at + ".max_attribute_bytes", (l, v) => l with { Ingestion = l.Ingestion with { MaxAttributeBytes = v } },
                l => l.Ingestion.MaxAttributeBytes),
            Duration(at + ".artificial_delay", (l, v) => l with { Ingestion = l.Ingestion with { ArtificialDelay = v } },
                l => l.Ingestion.ArtificialDelay),
            Bool(at + ".retry_info_enabled", (l, v) => l with { Ingestion = l.Ingestion with { IsRetryInfoEnabled = v } },
                l => l.Ingestion.IsRetryInfoEnabled),
        ];

        static string? SetStrategy(HostOptions options, string text)
        {
            if (text is not ("local" or "global")) return $"unknown value {GoText.Quote(text)}, known are local, global";
            options.Limits = options.Limits with { Ingestion = options.Limits.Ingestion with { RateStrategy = text } };
            return null;
        }
    }

    private static ConfigValue[] Read(string at) =>
    [
        Long(at + ".max_bytes_per_tag_values_query", (l, v) => l with { Read = l.Read with { MaxBytesPerTagValuesQuery = v } },
            l => l.Read.MaxBytesPerTagValuesQuery),
        Int(at + ".max_blocks_per_tag_values_query", (l, v) => l with { Read = l.Read with { MaxBlocksPerTagValuesQuery = v } },
            l => l.Read.MaxBlocksPerTagValuesQuery),
        Int(at + ".max_condition_groups_per_tag_query",
            (l, v) => l with { Read = l.Read with { MaxConditionGroupsPerTagQuery = v } }, l => l.Read.MaxConditionGroupsPerTagQuery),
        Duration(
            at + ".max_search_duration", (l, v) => l with { Read = l.Read with { MaxSearchDuration = v } }, l => l.Read.MaxSearchDuration),
        Duration(at + ".max_metrics_duration", (l, v) => l with { Read = l.Read with { MaxMetricsDuration = v } },
            l => l.Read.MaxMetricsDuration),
        Bool(at + ".unsafe_query_hints", (l, v) => l with { Read = l.Read with { AreUnsafeQueryHintsAllowed = v } },
            l => l.Read.AreUnsafeQueryHintsAllowed),
        Bool(at + ".left_pad_trace_ids", (l, v) => l with { Read = l.Read with { AreTraceIdsLeftPadded = v } },
            l => l.Read.AreTraceIdsLeftPadded),
        Bool(at + ".span_pruning_enabled", (l, v) => l with { Read = l.Read with { IsSpanPruningEnabled = v } },
            l => l.Read.IsSpanPruningEnabled),
    ];

    // ingestion.rate_limit_bytes was ingestion_rate_limit_bytes; the sections below had no name of their own.
    private static string LegacyPath(string path)
    {
        var name = path[(Section.Length + 1)..];

        // A section in the flat form, too.
        if (name.StartsWith("cost_attribution.", StringComparison.Ordinal)) return "overrides." + name;
        foreach (var nameless in new[] { "read.", "global.", "compaction.", "storage.", "ingestion.max_traces", "ingestion.max_global" })
        {
            if (!name.StartsWith(nameless, StringComparison.Ordinal)) continue;
            name = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
            break;
        }

        return "overrides." + name.Replace('.', '_');
    }

    internal static ConfigScalar Int(string path, Func<TenantLimits, int, TenantLimits> set, Func<TenantLimits, int> get) =>
        ConfigScalar.Int(path, 0, int.MaxValue, (o, v) => o.Limits = set(o.Limits, v), o => get(o.Limits));

    internal static ConfigScalar Long(string path, Func<TenantLimits, long, TenantLimits> set, Func<TenantLimits, long> get) =>
        Bytes(path, 0, long.MaxValue, (o, v) => o.Limits = set(o.Limits, v), o => get(o.Limits));

    internal static ConfigScalar Bool(string path, Func<TenantLimits, bool, TenantLimits> set, Func<TenantLimits, bool?> get) =>
        ConfigScalar.Bool(path, (o, v) => o.Limits = set(o.Limits, v), o => get(o.Limits) ?? false) with
        {
            Render = o => get(o.Limits) switch { true => "true", false => "false", null => null },
        };

    internal static ConfigScalar Duration(string path, Func<TenantLimits, TimeSpan, TenantLimits> set, Func<TenantLimits, TimeSpan?> get) =>
        ConfigScalar.Duration(path, LongestTime, (o, v) => o.Limits = set(o.Limits, v), o => get(o.Limits) ?? default) with
        {
            Render = o => get(o.Limits) is { } time ? GoDuration.Format(time) : null,
        };

    internal static ConfigScalar Text(string path, Func<TenantLimits, string, TenantLimits> set, Func<TenantLimits, string> get) =>
        ConfigScalar.Text(path, (o, v) => o.Limits = set(o.Limits, v), o => get(o.Limits));
}
