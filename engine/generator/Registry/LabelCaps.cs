using System.Runtime.InteropServices;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.Registry;

/// <summary>What is asked of one label that has a cap.</summary>
/// <param name="Name">The label.</param>
/// <param name="LimitedCount">How often a value of it was replaced.</param>
/// <param name="DistinctEstimate">Values that it would have without the cap, roughly.</param>
public readonly record struct LabelDemand(string Name, long LimitedCount, long DistinctEstimate);

/// <summary>
/// Holds each label of a table to a number of distinct values, exactly: the values of the entities that exist, each with how many
/// of them have it, so that one that goes makes room at once. A value that is new when the label is full becomes
/// <see cref="OverflowValue"/>. Only asked when an entity would be made, or is removed.
/// </summary>
internal sealed class LabelCaps(int labelCount, int maxValues, int maxValueBytes)
{
    private readonly Dictionary<ulong, int>[] _entities =
        [.. Enumerable.Range(0, labelCount).Select(static _ => new Dictionary<ulong, int>())];
    private readonly long[] _limited = new long[labelCount];
    private readonly RecentDistinct[] _refused = [.. Enumerable.Range(0, labelCount).Select(static _ => new RecentDistinct())];
    private readonly LabelTuple _capped = new(maxValueBytes);

    public static ReadOnlySpan<byte> OverflowValue => "__cardinality_overflow__"u8;

    /// <summary>Values that were replaced.</summary>
    public long LimitedCount => _limited.Sum();

    public IEnumerable<LabelDemand> Demands(byte[][] names) =>
        names.Select((name, label) =>
            new LabelDemand(Encoding.UTF8.GetString(name), _limited[label], _entities[label].Count + (long)_refused[label].Estimate()));

    /// <summary>The tuple with what is over a cap replaced; good until the next call.</summary>
    public LabelTuple Apply(LabelTuple labels)
    {
        _capped.Clear();
        var values = new LabelValues(labels.Bytes);
        for (var label = 0; values.TryReadNext(out var value); label++)
        {
            var hash = KeyedHash.Of64(value);
            var isOver = value.Length > 0 && _entities[label].Count >= maxValues && !_entities[label].ContainsKey(hash);
            if (isOver)
            {
                _limited[label]++;
                _refused[label].Add(hash);
            }

            _capped.Add(isOver ? OverflowValue : value);
        }

        return _capped;
    }

    /// <summary>Takes the values of an entity that exists now.</summary>
    public void Count(ReadOnlySpan<byte> tuple)
    {
        var values = new LabelValues(tuple);
        for (var label = 0; values.TryReadNext(out var value); label++)
            if (HasPlace(value)) CollectionsMarshal.GetValueRefOrAddDefault(_entities[label], KeyedHash.Of64(value), out _)++;
    }

    /// <summary>Gives back those of one that does not any more.</summary>
    public void Forget(ReadOnlySpan<byte> tuple)
    {
        var values = new LabelValues(tuple);
        for (var label = 0; values.TryReadNext(out var value); label++)
        {
            if (!HasPlace(value)) continue;
            var hash = KeyedHash.Of64(value);
            ref var count = ref CollectionsMarshal.GetValueRefOrNullRef(_entities[label], hash);
            if (--count == 0) _entities[label].Remove(hash);
        }
    }

    /// <summary>See <see cref="RecentDistinct.Turn"/>.</summary>
    public void TurnRefused()
    {
        foreach (var refused in _refused) refused.Turn();
    }

    private static bool HasPlace(ReadOnlySpan<byte> value) => value.Length > 0 && !value.SequenceEqual(OverflowValue);
}
