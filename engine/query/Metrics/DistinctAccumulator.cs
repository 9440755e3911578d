using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// count_distinct(attribute): how many different values the attribute has in each group and interval, exactly. Spans without it
/// do not count. Memory: 32 bytes for each value of each group and interval, charged to the budget.
/// </summary>
internal sealed class DistinctAccumulator(LeafPlan leaf, MetricsOptions options) : SpanAccumulator
{
    private readonly MetricsFunction _function = (MetricsFunction)leaf.Stage;
    private readonly SeriesKeys _keys =
        new(((MetricsFunction)leaf.Stage).By, ((MetricsFunction)leaf.Stage).LabelNames(), options.Budget, options.Kernel);
    private readonly LabelColumn _values = new(((MetricsFunction)leaf.Stage).Attribute!, options.Budget, options.Kernel);

    // Pairs of group and interval; pairs of these and a value.
    private readonly TupleTable _cells = new(options.Budget);
    private readonly TupleTable _found = new(options.Budget);
    private int[] _rows = [];
    private int[] _intervals = [];
    private int[] _groupOf = [];
    private int[] _valueOf = [];

    public override void Add(in SpanCursor span, int interval)
    {
        var value = _values.IdOf(span);
        if (value != 0) _found.Intern(_cells.Intern(_keys.NumberOf(span), interval), value);
    }

    public override void Add(SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals)
    {
        GrowableArray.Reserve(ref _valueOf, rows.Length);
        GrowableArray.Reserve(ref _rows, rows.Length);
        GrowableArray.Reserve(ref _intervals, rows.Length);
        GrowableArray.Reserve(ref _groupOf, rows.Length);
        _values.Fill(batch, rows, _valueOf.AsSpan(0, rows.Length));
        var count = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            if (_valueOf[i] == 0) continue;
            (_rows[count], _intervals[count], _valueOf[count]) = (rows[i], intervals[i], _valueOf[i]);
            count++;
        }

        if (count == 0) return;
        _keys.Fill(batch, _rows.AsSpan(0, count), _groupOf.AsSpan(0, count));
        for (var i = 0; i < count; i++) _found.Intern(_cells.Intern(_groupOf[i], _intervals[i]), _valueOf[i]);
    }

    public override void AddAll(SpanAccumulator other)
    {
        var source = (DistinctAccumulator)other;
        var groups = _keys.Translate(source._keys);
        foreach (var (cell, value) in source._found.Pairs)
        {
            var (group, interval) = source._cells.Pairs[cell];
            _found.Intern(_cells.Intern(groups[group], interval), _values.Values.InternFrom(source._values.Values, value));
        }
    }

    public override void Write(PartWriter writer)
    {
        _keys.Write(writer);
        _values.Values.Write(writer);
        _cells.Write(writer);
        _found.Write(writer);
    }

    public override void Read(ref PartReader reader)
    {
        _keys.Read(ref reader);
        _values.Values.Read(ref reader);
        _cells.Read(ref reader, _keys.Count, secondLeast: 0, options.Axis.Count, "an interval");
        _found.Read(ref reader, _cells.Count, secondLeast: 1, _values.Values.Count, "a value that was found");
    }

    public override List<Series.Series> ToSeries()
    {
        options.Budget.Charge((long)_keys.Count * options.Axis.Count * sizeof(double), "series and intervals");
        var result = new List<Series.Series>();
        for (var group = 0; group < _keys.Count; group++)
            result.Add(new Series.Series(_function.LabelsOf(_keys, group), new double[options.Axis.Count]));
        foreach (var (cell, _) in _found.Pairs)
        {
            var (group, interval) = _cells.Pairs[cell];
            result[group].Values[interval]++;
        }

        return result;
    }
}
