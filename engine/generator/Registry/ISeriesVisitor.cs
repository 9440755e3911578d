namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// Looks at the series of a table. Guarantees: <see cref="Begin"/> for an entity, then one call for each of its metrics
/// that was asked for and has a value; spans are good during the call only; all calls run under the tenant's lock, so they
/// copy and return.
/// </summary>
public interface ISeriesVisitor
{
    void Begin(in EntityLabels labels);

    /// <summary>A counter or a gauge.</summary>
    void Number(MetricColumn column, double value, SeriesMoment moment);

    /// <summary>A histogram; what the column's form does not have is empty or null.</summary>
    void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment);
}

/// <summary>Where in its life a series is.</summary>
public enum SeriesMoment : byte
{
    /// <summary>Not shown before: a zero goes ahead of the value.</summary>
    Begins,
    Lives,

    /// <summary>It is removed now: a staleness marker.</summary>
    Ends,
}

/// <summary>The values of a histogram.</summary>
public readonly ref struct HistogramView(
    double sum, ReadOnlySpan<double> buckets, ReadOnlySpan<Exemplar> exemplars, NativeHistogram? native, bool isWhole)
{
    public readonly double Sum = sum;

    /// <summary>Not cumulative; the last is +Inf.</summary>
    public readonly ReadOnlySpan<double> Buckets = buckets;

    /// <summary>One a bucket of the bounds, or empty.</summary>
    public readonly ReadOnlySpan<Exemplar> Exemplars = exemplars;

    public readonly NativeHistogram? Native = native;

    /// <summary>No span counts other than once, so that all counts are whole numbers.</summary>
    public readonly bool IsWhole = isWhole;
}

/// <summary>The labels of an entity: of a table's names, or of its own.</summary>
public readonly ref struct EntityLabels(byte[][]? names, ReadOnlySpan<byte> tuple)
{
    private readonly ReadOnlySpan<byte> _tuple = tuple;

    public Enumerator GetEnumerator() => new(names, _tuple);

    public ref struct Enumerator(byte[][]? names, ReadOnlySpan<byte> tuple)
    {
        private readonly bool _isOverflow = tuple is [0xFF, 0xFF];
        private LabelValues _values = new(tuple is [0xFF, 0xFF] ? [] : tuple);
        private int _next = 0;
        private ReadOnlySpan<byte> _name;
        private ReadOnlySpan<byte> _value;

        /// <summary>The name and value reached.</summary>
        public readonly LabelPair Current => new(_name, _value);

        /// <summary>Goes to the next label that has a value.</summary>
        public bool MoveNext()
        {
            if (_isOverflow)
            {
                _name = "metric_overflow"u8;
                _value = "true"u8;
                return _next++ == 0;
            }

            while (true)
            {
                if (names is not null)
                {
                    if (!_values.TryReadNext(out _value)) return false;
                    _name = names[_next++];
                }
                else if (!_values.TryReadNext(out _name) || !_values.TryReadNext(out _value))
                {
                    return false;
                }

                if (_value.Length > 0) return true;
            }
        }
    }
}

/// <summary>A label.</summary>
public readonly ref struct LabelPair(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
{
    public readonly ReadOnlySpan<byte> Name = name;
    public readonly ReadOnlySpan<byte> Value = value;
}
