using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Spans;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>Section <c>metrics_generator</c>. Whether anything is generated for a tenant, its limits say.</summary>
internal static class GeneratorKeys
{
    private const string At = "metrics_generator";
    private const string NotNeededHere = "not needed by this engine";
    private static readonly TimeSpan OneYear = TimeSpan.FromDays(365);

    public static IEnumerable<ConfigKey> All =>
    [
        .. Registry(At + ".registry"),
        .. Storage(At + ".storage"),
        Duration(At + ".metrics_ingestion_time_range_slack", OneYear, Default((s, v) => s with { IngestionSlack = v }, TimeSpan.Zero),
            o => Defaults(o).IngestionSlack),
        Choice(At + ".limiter_type", [("series", false), ("entity", true)], Default((s, v) => s with { LimitsEntities = v }, false),
            o => Defaults(o).LimitsEntities),
        Text(At + ".ring.instance_id", Change((g, v) => g with { InstanceId = v }, ""), o => o.Node.Generator.InstanceId),
        Duration(At + ".processor.service_graphs.wait", TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1),
            Default((s, v) => s with { ServiceGraphs = s.ServiceGraphs with { Wait = v } }, TimeSpan.Zero),
            o => Defaults(o).ServiceGraphs.Wait),
        Int(At + ".processor.service_graphs.max_items", 1, 10_000_000,
            Default((s, v) => s with { ServiceGraphs = s.ServiceGraphs with { MaxItems = v } }, 0),
            o => Defaults(o).ServiceGraphs.MaxItems),
        new ConfigStructure(At + ".processor.service_graphs.database_name_attributes", SetDatabaseNames,
            o => LimitStructures.List(Defaults(o).ServiceGraphs.DatabaseNameAttributes.Select(GoText.Quote))),
        .. GeneratorLimitKeys.Processors(At + ".processor").Select(OfProcess),
        .. NotNeeded.Select(static name => new ConfigWithoutEffect($"{At}.{name}", NotNeededHere)),
    ];

    // Of the ring, of Kafka, of the blocks that the generator of 2.x kept, and of queues that are bounded otherwise here.
    private static readonly string[] NotNeeded =
    [
        "ring.kvstore", "ring.heartbeat_period", "ring.heartbeat_timeout", "ring.instance_interface_names", "ring.instance_addr",
        "ring.instance_port", "ring.enable_inet6", "ring.instance_zone",
        "override_ring_key", "traces_storage", "traces_query_storage", "query_timeout", "codec", "disable_local_blocks", "disable_grpc",
        "consume_from_kafka", "ingest_concurrency",
        "instance_id", "assigned_partitions", "ring_mode", "leave_consumer_group_on_shutdown", "processor.local_blocks",
        "processor.service_graphs.workers", "processor.span_metrics.subprocessors",
        "storage.wal",
    ];

    private static ConfigValue[] Registry(string at) =>
    [
        Duration(at + ".collection_interval", TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1),
            Default((s, v) => s with { CollectionInterval = v }, TimeSpan.Zero), o => Defaults(o).CollectionInterval),
        Duration(at + ".stale_duration", TimeSpan.FromSeconds(1), OneYear, Default((s, v) => s with { StaleDuration = v }, TimeSpan.Zero),
            o => Defaults(o).StaleDuration),
        new ConfigStructure(at + ".external_labels", SetExternalLabels,
            o => LimitStructures.Mapping(Defaults(o).ExternalLabels.Select(static l => (l.Key, GoText.Quote(l.Value))))),
        LabelNameKey(
            at + ".inject_tenant_id_as", Default((s, v) => s with { InjectTenantIdAs = v }, ""), o => Defaults(o).InjectTenantIdAs),
        Int(at + ".max_label_name_length", 1, 65_000, Default((s, v) => s with { MaxLabelNameBytes = v }, 0),
            o => Defaults(o).MaxLabelNameBytes),
        Int(at + ".max_label_value_length", 1, 65_000, Default((s, v) => s with { MaxLabelValueBytes = v }, 0),
            o => Defaults(o).MaxLabelValueBytes),
    ];

    private static ConfigValue[] Storage(string at) =>
    [
        Text(at + ".path", Change((g, v) => v.Length == 0 ? g : g with { StoragePath = v }, ""), o => o.Node.Generator.StoragePath),
        new ConfigStructure(at + ".remote_write", RemoteWriteConfig.Set, RemoteWriteConfig.Render),
        Duration(at + ".remote_write_flush_deadline", TimeSpan.FromHours(1),
            Change((g, v) => g with { RemoteWriteFlushDeadline = v }, TimeSpan.Zero), o => o.Node.Generator.RemoteWriteFlushDeadline),
        Bool(at + ".remote_write_add_org_id_header", Change((g, v) => g with { AddOrgIdHeader = v }, false),
            o => o.Node.Generator.AddOrgIdHeader),

        // Ours: what a tenant's unsent samples may take on disk.
        Bytes(at + ".max_queue_bytes", 16 << 20, long.MaxValue, Change((g, v) => g with { Queue = g.Queue with { MaxBytes = v } }, 0L),
            o => o.Node.Generator.Queue.MaxBytes),
    ];

    private static string? SetDatabaseNames(HostOptions options, YamlNode node)
    {
        if (LimitStructures.ReadTexts(node, out var names) is { } error) return error;
        Default<IReadOnlyList<string>>((s, v) => s with { ServiceGraphs = s.ServiceGraphs with { DatabaseNameAttributes = v } }, [])(
            options, names);
        return null;
    }

    private static string? SetExternalLabels(HostOptions options, YamlNode node)
    {
        if (LimitStructures.ReadMap(node, out var labels) is { } error) return error;
        foreach (var (name, _) in labels)
            if (!LabelName.IsValid(name)) return $"{GoText.Quote(name)} is not a label name";
        Default<IReadOnlyList<KeyValuePair<string, string>>>((s, v) => s with { ExternalLabels = v }, [])(options, labels);
        return null;
    }

    private static ConfigScalar LabelNameKey(string path, Action<HostOptions, string> set, Func<HostOptions, string> get)
    {
        var text = Text(path, set, get);
        return text with
        {
            Set = (o, name) => name.Length == 0 || LabelName.IsValid(name) ? text.Set(o, name) : $"{GoText.Quote(name)} is not a label name"
        };
    }

    private static GeneratorSettings Defaults(HostOptions options) => options.Node.Generator.Defaults;

    // The last argument only names the type.
    private static Action<HostOptions, T> Change<T>(Func<GeneratorOptions, T, GeneratorOptions> set, T _) =>
        (o, v) => o.Node = o.Node with { Generator = set(o.Node.Generator, v) };

    private static Action<HostOptions, T> Default<T>(Func<GeneratorSettings, T, GeneratorSettings> set, T type) =>
        Change((g, v) => g with { Defaults = set(g.Defaults, v) }, type);

    // The same key as a tenant's, for the process: the records change places while it is read or shown.
    private static ConfigValue OfProcess(ConfigValue key)
    {
        string? Render(HostOptions options) => Swapped(options, () => key.Render(options));
        return key switch
        {
            ConfigScalar scalar => scalar with { Set = (o, text) => Swapped(o, () => scalar.Set(o, text)), Render = Render },
            ConfigStructure structure => structure with { Set = (o, node) => Swapped(o, () => structure.Set(o, node)), Render = Render },
            _ => key,
        };
    }

    private static T Swapped<T>(HostOptions options, Func<T> use)
    {
        (options.Limits, options.GeneratorProcessors) = (options.GeneratorProcessors, options.Limits);
        try
        {
            return use();
        }
        finally
        {
            (options.Limits, options.GeneratorProcessors) = (options.GeneratorProcessors, options.Limits);
        }
    }
}
