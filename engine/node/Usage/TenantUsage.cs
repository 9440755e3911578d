using System.Text;
using Tempo.Engine.Node.Overrides;

namespace Tempo.Engine.Node.Usage;

/// <summary>
/// The label sets of one tenant and what was counted for each, and of the request that is being counted, which span is whose. Not
/// thread safe: whoever uses it holds its lock.
/// </summary>
internal sealed class TenantUsage
{
    private const char Separator = '\u0001'; // between the values of a label set; where a value has it, two sets may count as one

    private readonly Dictionary<string, Counter> _counters = new(StringComparer.Ordinal);
    private readonly List<(Counter Counter, long Bytes)> _spans = [];
    private readonly StringBuilder _key = new();
    private CostAttributionLimits? _limits;
    private int _maxSets;
    private long _charged;

    /// <summary>The tenant's attributes: which, where they may stand, and the place of their label.</summary>
    public UsageDimension[] Dimensions { get; private set; } = [];

    /// <summary>Names of the labels.</summary>
    public string[] Labels { get; private set; } = [];

    public IEnumerable<(string[] Values, long Bytes)> Counters =>
        _counters.Values.Select(static counter => (counter.Values, counter.Bytes));

    /// <summary>Nothing is counted here any more.</summary>
    public bool IsForgotten { get; set; }

    /// <summary>Other labels than before begin anew.</summary>
    public void Configure(CostAttributionLimits limits, int maxSets)
    {
        _maxSets = maxSets;
        _spans.Clear();
        _charged = 0;
        if (ReferenceEquals(_limits, limits) || (_limits is not null && _limits.Dimensions.SequenceEqual(limits.Dimensions)))
        {
            _limits = limits;
            return;
        }

        _limits = limits;
        _counters.Clear();
        Labels = [.. limits.Dimensions.Select(UsageDimension.LabelOf).Distinct(StringComparer.Ordinal)];
        Dimensions = [.. limits.Dimensions.Select(
            dimension => UsageDimension.Of(dimension, Array.IndexOf(Labels, UsageDimension.LabelOf(dimension))))];
    }

    /// <summary>Spans of the request so far.</summary>
    public int SpanCount => _spans.Count;

    /// <summary>Adds a span of the request with its own bytes; a value that is null is missing.</summary>
    public void AddSpan(ReadOnlySpan<string?> values, long bytes)
    {
        _key.Clear();
        foreach (var value in values) _key.Append(value ?? UsageTracker.Missing).Append(Separator);
        var key = _key.ToString();
        if (!_counters.TryGetValue(key, out var counter))
        {
            if (_counters.Count < _maxSets)
                _counters.Add(key, counter = new Counter([.. values.ToArray().Select(static value => value ?? UsageTracker.Missing)]));
            else counter = OverflowCounter();
        }

        _spans.Add((counter, bytes));
        _charged += bytes;
    }

    /// <summary>Shares bytes among the spans from <paramref name="first"/> on.</summary>
    public void Share(int first, long bytes)
    {
        var count = _spans.Count - first;
        if (count == 0) return;
        for (var i = first; i < _spans.Count; i++)
        {
            // The remainder goes to the first ones, a byte each.
            var part = bytes / count + (i - first < bytes % count ? 1 : 0);
            _spans[i] = (_spans[i].Counter, _spans[i].Bytes + part);
        }

        _charged += bytes;
    }

    /// <summary>The request was read to its end: counts its bytes.</summary>
    public void Settle(long requestBytes, long now)
    {
        Share(0, requestBytes - _charged);
        foreach (var (counter, bytes) in _spans)
        {
            counter.Bytes += bytes;
            counter.LastTimestamp = now;
        }

        _spans.Clear();
    }

    /// <summary>Forgets counters by the time they were counted up last.</summary>
    public void Forget(Func<long, bool> isStale)
    {
        foreach (var (key, counter) in _counters)
            if (isStale(counter.LastTimestamp))
                _counters.Remove(key);
    }

    private Counter OverflowCounter()
    {
        // No values have this key: theirs have as many separators as there are labels.
        if (!_counters.TryGetValue("", out var counter))
            _counters.Add("", counter = new Counter([.. Labels.Select(static _ => UsageTracker.Overflow)]));
        return counter;
    }

    private sealed class Counter(string[] values)
    {
        public string[] Values => values;
        public long Bytes;
        public long LastTimestamp;
    }
}

/// <summary>An attribute whose value is a label.</summary>
/// <param name="Key">Its key, UTF-8.</param>
/// <param name="OfResource">It may stand at the resource.</param>
/// <param name="OfSpan">It may stand at the span, and is then taken from there.</param>
/// <param name="Label">Place of the label.</param>
internal sealed record UsageDimension(byte[] Key, bool OfResource, bool OfSpan, int Label)
{
    private const string Resource = "resource.", Span = "span.";

    public static UsageDimension Of(KeyValuePair<string, string> dimension, int label)
    {
        var (isResource, isSpan) =
            (dimension.Key.StartsWith(Resource, StringComparison.Ordinal), dimension.Key.StartsWith(Span, StringComparison.Ordinal));
        return new UsageDimension(Encoding.UTF8.GetBytes(NameOf(dimension.Key)), !isSpan, !isResource, label);
    }

    /// <summary>The name of the label: what is given, or the attribute's without its scope, as Prometheus takes it.</summary>
    public static string LabelOf(KeyValuePair<string, string> dimension)
    {
        var name = dimension.Value.Length > 0 ? dimension.Value : NameOf(dimension.Key);
        var label = string.Concat(name.Select(static c => char.IsAsciiLetterOrDigit(c) || c == '_' ? c : '_'));
        return label.Length == 0 || char.IsAsciiDigit(label[0]) ? "_" + label : label;
    }

    private static string NameOf(string key) =>
        key.StartsWith(Resource, StringComparison.Ordinal) ? key[Resource.Length..]
            : key.StartsWith(Span, StringComparison.Ordinal) ? key[Span.Length..]
            : key;
}
