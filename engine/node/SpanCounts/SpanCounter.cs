using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.SpanCounts;

/// <summary>Section <c>distributor.metric_received_spans</c>.</summary>
public sealed record SpanCountOptions
{
    public bool IsEnabled { get; init; }

    /// <summary>Only spans without a parent.</summary>
    public bool OnlyRoots { get; init; }
}

/// <summary>
/// A counter for each name and service of the spans that come in, where they came in: for who looks for what a sender sends. It reads
/// each request once more and has as many series as there are names, and so is not for production, as Tempo's is not. Thread
/// safe; requests are counted one after the other.
/// </summary>
public sealed class SpanCounter
{
    /// <summary>All labels of what is beyond <see cref="MaxSeries"/>.</summary>
    public const string Overflow = "__overflow__";

    /// <summary>
    /// Series of all tenants together, which names with ids in them reach at once. With <see cref="MaxLabelBytes"/> they take at most
    /// some 12 MB, and their lines at <c>/metrics</c>, of the worst texts, 15 MB.
    /// </summary>
    internal const int MaxSeries = 10_000;

    /// <summary>Longest name and service; longer ones count as one if they begin alike. As long as a value in the log.</summary>
    internal const int MaxLabelBytes = Log.MaxValueBytes;

    /// <summary>Series that were not counted for so long make way when there is no room, as accounts of tenants do.</summary>
    private static readonly TimeSpan Silent = TimeSpan.FromHours(1);

    /// <summary>Who finds no room does not look through all series for each span.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private static readonly SeriesKey OverflowKey = new(Overflow, Overflow, Overflow);

    private readonly SpanCountOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<SeriesKey, Series> _series = [];
    private long? _lastLook;

    /// <param name="options">Which spans are counted.</param>
    /// <param name="metrics">Shows the counters.</param>
    /// <param name="time">Says which series are silent.</param>
    public SpanCounter(SpanCountOptions options, MetricRegistry metrics, TimeProvider time)
    {
        (_options, _time) = (options, time);
        string[] labels = ["tenant", "name", "service"];
        metrics.Counter("tempo_distributor_debug_spans_received_total", "Spans received, by name and service.", labels, Read);
    }

    /// <summary>Counts the spans of a request (OTLP protobuf), whatever becomes of them; of one that cannot be read, none.</summary>
    public void Observe(TenantId tenant, ReadOnlySpan<byte> request, in IngestOutcome outcome)
    {
        // Without a span in either count it could not be read, or has none.
        if (outcome.AcceptedSpans + outcome.RejectedSpans == 0) return;
        var sink = new SpanCountSink(this, tenant, _options.OnlyRoots);
        lock (_lock) OtlpTraceReader.TryRead(request, ref sink, out _);
    }

    /// <summary>Counts one span. The caller has the lock.</summary>
    internal void Add(TenantId tenant, string name, string service)
    {
        var (key, now) = (new SeriesKey(tenant.Value, name, service), _time.GetTimestamp());
        if (!_series.TryGetValue(key, out var series))
        {
            if (_series.Count >= MaxSeries && !DropSilent(now)) key = OverflowKey;
            if (!_series.TryGetValue(key, out series)) _series.Add(key, series = new Series());
        }

        series.Spans++;
        series.CountedAt = now;
    }

    private bool DropSilent(long now)
    {
        if (_lastLook is { } last && _time.GetElapsedTime(last, now) < LookInterval) return false;
        _lastLook = now;
        foreach (var (key, series) in _series)
            if (_time.GetElapsedTime(series.CountedAt, now) >= Silent) _series.Remove(key);
        return _series.Count < MaxSeries;
    }

    // The page is written without the lock.
    private IEnumerable<(string[] Values, double Value)> Read()
    {
        (SeriesKey Key, long Spans)[] all;
        lock (_lock) all = [.. _series.Select(static series => (series.Key, series.Value.Spans))];
        return all
            .OrderBy(static series => series.Key.Tenant, StringComparer.Ordinal)
            .ThenBy(static series => series.Key.Service, StringComparer.Ordinal)
            .ThenBy(static series => series.Key.Name, StringComparer.Ordinal)
            .Select(static series => (new[] { series.Key.Tenant, series.Key.Name, series.Key.Service }, (double)series.Spans));
    }

    private readonly record struct SeriesKey(string Tenant, string Name, string Service);

    private sealed class Series
    {
        public long Spans;
        public long CountedAt;
    }
}
