using Tempo.Engine.Query;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// Limits of metrics queries. One default is not Tempo's: <c>query_end_cutoff</c> is 0 here and not 30 s, because a span can be
/// counted the moment it is acknowledged; setting it brings Tempo's behaviour back, for searches and tags as well.
/// </summary>
internal static class MetricsQueryKeys
{
    private const string Section = "query_frontend.metrics";

    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(365 * 100);

    public static IEnumerable<ConfigKey> All =>
    [
        Duration("query_frontend.query_end_cutoff", TimeSpan.FromDays(1), SetCutoff, o => o.Node.Metrics.QueryEndCutoff),
        Bytes(Section + ".bytes_per_node", 0, 1L << 50, (o, v) => o.Node = o.Node with { MetricsShareBytes = v },
            o => o.Node.MetricsShareBytes),
        Int(Section + ".max_exemplars", 0, 10_000, (o, v) => Set(o, m => m with { MaxExemplars = v }), o => o.Node.Metrics.MaxExemplars),
        Int(Section + ".max_intervals", 1, 1_000_000, (o, v) => Set(o, m => m with { MaxIntervals = v }), o => o.Node.Metrics.MaxIntervals),
        Int(Section + ".max_response_series", 0, int.MaxValue, (o, v) => Set(o, m => m with { MaxResponseSeries = v }),
            o => o.Node.Metrics.MaxResponseSeries),
        Int(Section + ".max_response_samples", 0, int.MaxValue, (o, v) => Set(o, m => m with { MaxResponseSamples = v }),
            o => o.Node.Metrics.MaxResponseSamples),
        Duration(
            Section + ".max_duration", LongestTime, (o, v) => Set(o, m => m with { MaxDuration = v }), o => o.Node.Metrics.MaxDuration),
    ];

    // Of all queries: metrics, searches, tags.
    private static void SetCutoff(HostOptions options, TimeSpan cutoff)
    {
        Set(options, metrics => metrics with { QueryEndCutoff = cutoff });
        options.Search.QueryEndCutoff = cutoff;
    }

    private static void Set(HostOptions options, Func<MetricsLimits, MetricsLimits> change) =>
        options.Node = options.Node with { Metrics = change(options.Node.Metrics) };
}
