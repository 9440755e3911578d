using Tempo.Engine.Node.SpanLogs;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>Keys of what is done with requests beside storing them.</summary>
internal static class DistributorKeys
{
    private const string Usage = "distributor.usage.cost_attribution", Counts = "distributor.metric_received_spans";

    public static IEnumerable<ConfigKey> All =>
    [
        new ConfigStructure("distributor.forwarders", ForwarderConfig.Set, ForwarderConfig.Render),
        Bool(Usage + ".enabled", (o, v) => o.Usage = o.Usage with { IsEnabled = v }, o => o.Usage.IsEnabled),
        Int(Usage + ".max_cardinality", 1, 10_000_000, (o, v) => o.Usage = o.Usage with { MaxCardinality = v },
            o => o.Usage.MaxCardinality),
        Duration(Usage + ".stale_duration", TimeSpan.FromSeconds(1), TimeSpan.FromDays(365),
            (o, v) => o.Usage = o.Usage with { StaleDuration = v }, o => o.Usage.StaleDuration),
        .. SpanLog("distributor.log_received_spans", o => o.ReceivedSpans, (o, v) => o.ReceivedSpans = v),
        .. SpanLog("distributor.log_discarded_spans", o => o.DiscardedSpans, (o, v) => o.DiscardedSpans = v),
        Bool(Counts + ".enabled", (o, v) => o.CountedSpans = o.CountedSpans with { IsEnabled = v }, o => o.CountedSpans.IsEnabled),
        Bool(Counts + ".root_only", (o, v) => o.CountedSpans = o.CountedSpans with { OnlyRoots = v }, o => o.CountedSpans.OnlyRoots),
    ];

    private static IEnumerable<ConfigKey> SpanLog(
        string section, Func<HostOptions, SpanLogOptions> get, Action<HostOptions, SpanLogOptions> set) =>
        [
            Bool(section + ".enabled", (o, v) => set(o, get(o) with { IsEnabled = v }), o => get(o).IsEnabled),
            Bool(section + ".include_all_attributes", (o, v) => set(o, get(o) with { WithAllAttributes = v }),
                o => get(o).WithAllAttributes),
            Bool(section + ".filter_by_status_error", (o, v) => set(o, get(o) with { OnlyErrors = v }), o => get(o).OnlyErrors),
        ];
}
