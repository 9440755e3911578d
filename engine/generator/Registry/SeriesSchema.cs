using System.Text;

namespace Tempo.Engine.Generator.Registry;

/// <summary>What a metric is.</summary>
public enum MetricKind : byte
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>Which histograms are written.</summary>
public enum HistogramForm : byte
{
    /// <summary>Buckets with fixed bounds: <c>_bucket</c>, <c>_sum</c>, <c>_count</c>.</summary>
    Classic,

    /// <summary>Exponential buckets, one series.</summary>
    Native,
    Both,
}

/// <summary>One metric of a table: all series of the table's entities under one name.</summary>
/// <param name="Name">The metric's name; a histogram's without suffix.</param>
/// <param name="Help">One sentence for the exposition.</param>
/// <param name="Bounds">Ascending upper bounds of a histogram, without +Inf.</param>
public sealed record MetricColumn(string Name, string Help, MetricKind Kind, double[] Bounds, HistogramForm Form = HistogramForm.Classic)
{
    public bool IsClassic => Kind == MetricKind.Histogram && Form != HistogramForm.Native;

    public bool IsNative => Kind == MetricKind.Histogram && Form != HistogramForm.Classic;

    /// <summary>Prometheus series of one entity: a classic histogram has one a bucket, +Inf, sum and count.</summary>
    public int SeriesPerEntity => (Kind != MetricKind.Histogram ? 1 : 0) + (IsClassic ? Bounds.Length + 3 : 0) + (IsNative ? 1 : 0);

    public static MetricColumn Counter(string name, string help) => new(name, help, MetricKind.Counter, []);

    public static MetricColumn Gauge(string name, string help) => new(name, help, MetricKind.Gauge, []);

    /// <summary>Throws <see cref="ArgumentException"/> for bounds that do not ascend.</summary>
    public static MetricColumn Histogram(string name, string help, double[] bounds, HistogramForm form)
    {
        if (CheckBounds(bounds) is { } error) throw new ArgumentException($"histogram_buckets of {name}: {error}");
        return new MetricColumn(name, help, MetricKind.Histogram, bounds, form);
    }

    /// <summary>Null, or why the upper bounds cannot be those of a histogram.</summary>
    public static string? CheckBounds(IReadOnlyList<double> bounds)
    {
        for (var i = 0; i < bounds.Count; i++)
            if (!double.IsFinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
                return "upper bounds must ascend, and +Inf is not one of them";
        return null;
    }
}

/// <summary>The shape of a <see cref="SeriesTable"/>: which labels its entities have, and which metrics.</summary>
public sealed class SeriesSchema
{
    /// <summary>Columns that the masks of an entity have room for.</summary>
    public const int MaxColumns = 8;

    /// <param name="labels">
    /// Label names in the order of the tuple's values. Null: every tuple has its own, as name, value, name, value….
    /// </param>
    /// <param name="columns">The metrics.</param>
    public SeriesSchema(string[]? labels, MetricColumn[] columns)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns.Length, MaxColumns);
        Labels = labels is null ? null : [.. labels.Select(Encoding.UTF8.GetBytes)];
        Columns = columns;
        SeriesPerEntity = columns.Sum(static column => column.SeriesPerEntity);
    }

    /// <summary>UTF-8 label names, or null if tuples bring their own.</summary>
    public byte[][]? Labels { get; }

    public MetricColumn[] Columns { get; }

    /// <summary>Series of an entity that has all metrics.</summary>
    public int SeriesPerEntity { get; }
}
