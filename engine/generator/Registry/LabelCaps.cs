using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// Holds each label of a table to a number of distinct values, exactly: the values of the entities that exist. One that
/// is new when the label is full becomes <see cref="OverflowValue"/>. Only asked when an entity would be made.
/// </summary>
internal sealed class LabelCaps(int labelCount, int maxValues, int maxValueBytes)
{
    private readonly HashSet<ulong>[] _values = [.. Enumerable.Range(0, labelCount).Select(static _ => new HashSet<ulong>())];
    private readonly LabelTuple _capped = new(maxValueBytes);

    public static ReadOnlySpan<byte> OverflowValue => "__cardinality_overflow__"u8;

    /// <summary>Values that were replaced.</summary>
    public long LimitedCount { get; private set; }

    /// <summary>The tuple with what is over a cap replaced; good until the next call.</summary>
    public LabelTuple Apply(LabelTuple labels)
    {
        _capped.Clear();
        var values = new LabelValues(labels.Bytes);
        for (var label = 0; values.TryReadNext(out var value); label++)
        {
            var isOver = value.Length > 0 && _values[label].Count >= maxValues && !_values[label].Contains(KeyedHash.Of64(value));
            if (isOver) LimitedCount++;
            _capped.Add(isOver ? OverflowValue : value);
        }

        return _capped;
    }

    /// <summary>Takes the values of an entity that exists now.</summary>
    public void Count(LabelTuple labels) => Count(labels.Bytes);

    public void Count(ReadOnlySpan<byte> tuple)
    {
        var values = new LabelValues(tuple);
        for (var label = 0; values.TryReadNext(out var value); label++)
            if (value.Length > 0 && !value.SequenceEqual(OverflowValue)) _values[label].Add(KeyedHash.Of64(value));
    }

    public void Clear()
    {
        foreach (var values in _values) values.Clear();
    }
}
