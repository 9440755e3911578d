using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>Keys of what is done with accepted requests beside storing them.</summary>
internal static class DistributorKeys
{
    private const string Usage = "distributor.usage.cost_attribution";

    public static IEnumerable<ConfigKey> All =>
    [
        new ConfigStructure("distributor.forwarders", ForwarderConfig.Set, ForwarderConfig.Render),
        Bool(Usage + ".enabled", (o, v) => o.Usage = o.Usage with { IsEnabled = v }, o => o.Usage.IsEnabled),
        Int(Usage + ".max_cardinality", 1, 10_000_000, (o, v) => o.Usage = o.Usage with { MaxCardinality = v }, o => o.Usage.MaxCardinality),
        Duration(Usage + ".stale_duration", TimeSpan.FromSeconds(1), TimeSpan.FromDays(365), (o, v) => o.Usage = o.Usage with { StaleDuration = v }, o => o.Usage.StaleDuration),
    ];
}
