using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Cells;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// count_traces() and rate_traces(): in each group a trace counts once, in the interval of its first span there. So the samples
/// of a series add up to the number of traces. Extrapolated, a trace stands for as many as that span does.
/// </summary>
internal sealed class TraceCountAccumulator(LeafPlan leaf, MetricsOptions options) : SpanAccumulator
{
    private readonly MetricsFunction _function = (MetricsFunction)leaf.Stage;
    private readonly SeriesKeys _keys =
        new(((MetricsFunction)leaf.Stage).By, ((MetricsFunction)leaf.Stage).LabelNames(), options.Budget, options.Kernel);
    private readonly CountCells _cells = new(options.Axis.Count, options.Budget);
    private readonly SpanWeights? _weights = options.Extrapolates ? new SpanWeights() : null;

    // Of the trace that is being added: its first span in each group.
    private readonly Dictionary<int, (ulong StartUnixNano, int Interval, double Weight)> _first = [];

    public override void Add(in SpanCursor span, int interval)
    {
        var group = _keys.NumberOf(span);
        var start = span.Batch.StartUnixNano[span.Row];
        if (_first.TryGetValue(group, out var first) && first.StartUnixNano <= start) return;
        _first[group] = (start, interval, _weights?.Of(span.Batch, span.Row) ?? 1);
    }

    public override void EndTrace()
    {
        foreach (var (group, (_, interval, weight)) in _first)
        {
            _cells.Reserve(group + 1);
            _cells.Add([group], [interval], [], [weight]);
        }

        _first.Clear();
    }

    public override void AddAll(SpanAccumulator other)
    {
        var source = (TraceCountAccumulator)other;
        var groups = _keys.Translate(source._keys);
        _cells.Reserve(_keys.Count);
        source._cells.Reserve(source._keys.Count);
        for (var from = 0; from < groups.Length; from++) _cells.AddSeries(source._cells, from, groups[from]);
    }

    public override void Write(PartWriter writer)
    {
        _keys.Write(writer);
        _cells.Write(writer, _keys.Count);
    }

    public override void Read(ref PartReader reader)
    {
        _keys.Read(ref reader);
        _cells.Read(ref reader, _keys.Count);
    }

    public override List<Series.Series> ToSeries()
    {
        var divisor = _function.Kind == MetricsFunctionKind.RateTraces ? options.Axis.StepSeconds : 1;
        options.Budget.Charge((long)_keys.Count * options.Axis.Count * sizeof(double), "series and intervals");
        var result = new List<Series.Series>();
        _cells.Reserve(_keys.Count);
        for (var group = 0; group < _keys.Count; group++)
        {
            var values = new double[options.Axis.Count];
            for (var i = 0; i < values.Length; i++) values[i] = _cells.Value(group, i) / divisor;
            result.Add(new Series.Series(_function.LabelsOf(_keys, group), values));
        }

        return result;
    }
}
