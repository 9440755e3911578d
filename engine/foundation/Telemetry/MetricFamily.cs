using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Tempo.Engine.Foundation;

/// <summary>One metric name with its children. See the Prometheus text format 0.0.4.</summary>
public abstract class MetricFamily(string name, string help, string type)
{
    protected string Name { get; } = name;

    internal void WriteTo(IBufferWriter<byte> output)
    {
        Line(output, $"# HELP {Name} {help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}");
        Line(output, $"# TYPE {Name} {type}");
        WriteSamples(output);
    }

    protected abstract void WriteSamples(IBufferWriter<byte> output);

    protected static void Line(IBufferWriter<byte> output, string text)
    {
        Encoding.UTF8.GetBytes(text, output);
        output.Write("\n"u8);
    }

    /// <summary>Takes out what has this value of a label, among children by their label texts.</summary>
    protected static void Remove<T>(ConcurrentDictionary<string, T> children, string label, string value)
    {
        var pair = LabelText([label], [value]);
        foreach (var text in children.Keys)
            if (text == pair || text.StartsWith(pair + ",", StringComparison.Ordinal) || text.EndsWith("," + pair, StringComparison.Ordinal)
                || text.Contains("," + pair + ",", StringComparison.Ordinal))
                children.TryRemove(text, out _);
    }

    protected static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>The label text <c>a="x",b="y"</c>, escaped.</summary>
    protected static string LabelText(string[] labels, string[] values)
    {
        if (labels.Length != values.Length) throw new ArgumentException($"{labels.Length} labels, {values.Length} values");
        var text = new StringBuilder();
        for (var i = 0; i < labels.Length; i++)
        {
            if (i > 0) text.Append(',');
            text.Append(labels[i]).Append("=\"");
            text.Append(values[i].Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
        }

        return text.ToString();
    }
}

/// <summary>A counter or a gauge; the parameterless members act on the child without labels.</summary>
public sealed class CounterFamily(string name, string help, string type, string[] labels) : MetricFamily(name, help, type)
{
    private readonly ConcurrentDictionary<string, Counter> _children = new(StringComparer.Ordinal);

    /// <summary>The child with these label values, made on first use. Keep it where it is used often.</summary>
    public Counter With(params string[] values) => _children.GetOrAdd(LabelText(labels, values), static _ => new Counter());

    /// <summary>Forgets the children with this value of a label.</summary>
    public void Remove(string label, string value) => Remove(_children, label, value);

    public void Add(long value = 1) => With().Add(value);
    public void Set(long value) => With().Set(value);

    protected override void WriteSamples(IBufferWriter<byte> output)
    {
        foreach (var (text, child) in _children.OrderBy(static c => c.Key, StringComparer.Ordinal))
            Line(output, text.Length == 0 ? $"{Name} {child.Value}" : $"{Name}{{{text}}} {child.Value}");
    }
}

/// <summary>A 64-bit number that threads add to.</summary>
public sealed class Counter
{
    private long _value;

    public long Value => Interlocked.Read(ref _value);
    public void Add(long value = 1) => Interlocked.Add(ref _value, value);
    public void Set(long value) => Interlocked.Exchange(ref _value, value);
}

internal sealed class CallbackFamily(string name, string help, string type, Func<double> read) : MetricFamily(name, help, type)
{
    protected override void WriteSamples(IBufferWriter<byte> output) => Line(output, $"{Name} {Number(read())}");
}

/// <summary>A family whose children are asked for at scrape time: what has gone is not shown any more.</summary>
internal sealed class SampledFamily(
    string name, string help, string type, string[] labels, Func<IEnumerable<(string[] Values, double Value)>> read)
    : MetricFamily(name, help, type)
{
    protected override void WriteSamples(IBufferWriter<byte> output)
    {
        foreach (var (values, value) in read()) Line(output, $"{Name}{{{LabelText(labels, values)}}} {Number(value)}");
    }
}

/// <summary>A classic histogram.</summary>
public sealed class HistogramFamily(string name, string help, double[] bounds, string[] labels) : MetricFamily(name, help, "histogram")
{
    private readonly ConcurrentDictionary<string, Histogram> _children = new(StringComparer.Ordinal);

    public Histogram With(params string[] values) => _children.GetOrAdd(LabelText(labels, values), _ => new Histogram(bounds));

    /// <summary>Forgets the children with this value of a label.</summary>
    public void Remove(string label, string value) => Remove(_children, label, value);

    public void Observe(double value) => With().Observe(value);

    protected override void WriteSamples(IBufferWriter<byte> output)
    {
        foreach (var (text, child) in _children.OrderBy(static c => c.Key, StringComparer.Ordinal))
        {
            var prefix = text.Length == 0 ? "" : text + ",";
            long sum = 0;
            for (var i = 0; i <= bounds.Length; i++)
            {
                sum += child.CountAt(i);
                Line(output, $"{Name}_bucket{{{prefix}le=\"{(i < bounds.Length ? Number(bounds[i]) : "+Inf")}\"}} {sum}");
            }

            var braces = text.Length == 0 ? "" : $"{{{text}}}";
            Line(output, $"{Name}_sum{braces} {Number(child.Sum)}");
            Line(output, $"{Name}_count{braces} {sum}");
        }
    }
}

/// <summary>Counts per bucket and their sum.</summary>
public sealed class Histogram(double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length + 1];
    private double _sum;

    internal double Sum => Volatile.Read(ref _sum);
    internal long CountAt(int bucket) => Interlocked.Read(ref _counts[bucket]);

    public void Observe(double value)
    {
        var bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket]) bucket++;
        Interlocked.Increment(ref _counts[bucket]);
        double seen, next;
        do
        {
            seen = Volatile.Read(ref _sum);
            next = seen + value;
        }
        while (Interlocked.CompareExchange(ref _sum, next, seen) != seen);
    }
}
