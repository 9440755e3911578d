using System.Buffers;

namespace Tempo.Engine.Foundation;

/// <summary>
/// The process's own metrics, written in the Prometheus text format. Families are made once at start; children (label
/// values) are made on first use and kept, so label values come from code or from validated tenants, never from spans; whose come from
/// there bounds them himself and is read at scrape time. Thread safe.
/// </summary>
public sealed class MetricRegistry
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);

    /// <summary>A counter family. The same name gives the same family.</summary>
    public CounterFamily Counter(string name, string help, params string[] labels) =>
        GetOrAdd(name, () => new CounterFamily(name, help, "counter", labels));

    /// <summary>A gauge family.</summary>
    public CounterFamily Gauge(string name, string help, params string[] labels) =>
        GetOrAdd(name, () => new CounterFamily(name, help, "gauge", labels));

    /// <summary>
    /// A counter whose name, given by others, does not end in <c>_total</c>: shown without a type, which changes no query, and
    /// what a linter would say of its name is not said.
    /// </summary>
    public CounterFamily Untyped(string name, string help, params string[] labels) =>
        GetOrAdd(name, () => new CounterFamily(name, help, "untyped", labels));

    /// <summary>A gauge read at scrape time.</summary>
    public void Gauge(string name, string help, Func<double> read) =>
        GetOrAdd(name, () => new CallbackFamily(name, help, "gauge", read));

    /// <summary>A gauge family whose children are read at scrape time.</summary>
    public void Gauge(string name, string help, string[] labels, Func<IEnumerable<(string[] Values, double Value)>> read) =>
        GetOrAdd(name, () => new SampledFamily(name, help, "gauge", labels, read));

    /// <summary>A counter kept elsewhere and read at scrape time.</summary>
    public void Counter(string name, string help, Func<double> read) =>
        GetOrAdd(name, () => new CallbackFamily(name, help, "counter", read));

    /// <summary>A counter family whose children are kept elsewhere, where their number is bounded, and read at scrape time.</summary>
    public void Counter(string name, string help, string[] labels, Func<IEnumerable<(string[] Values, double Value)>> read) =>
        GetOrAdd(name, () => new SampledFamily(name, help, "counter", labels, read));

    /// <summary>A histogram family with the given ascending upper bounds (seconds, bytes: the unit stands in the name).</summary>
    public HistogramFamily Histogram(string name, string help, double[] bounds, params string[] labels) =>
        GetOrAdd(name, () => new HistogramFamily(name, help, bounds, labels));

    /// <summary>Writes all families, sorted by name, in the text format 0.0.4.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        MetricFamily[] families;
        lock (_lock) families = [.. _families.Values];
        foreach (var family in families) family.WriteTo(output);
    }

    private T GetOrAdd<T>(string name, Func<T> make) where T : MetricFamily
    {
        lock (_lock)
        {
            if (_families.TryGetValue(name, out var found))
                return found as T ?? throw new InvalidOperationException($"metric {name} exists with another type");
            var made = make();
            _families.Add(name, made);
            return made;
        }
    }
}
