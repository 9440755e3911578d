using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Exemplars;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// compare(): the spans of the pipeline in two parts, those that a filter selects and the others, and for each attribute how
/// often each has which value (specification TraceQL §7.4). Each part lists the values it has most often.
/// </summary>
internal sealed class CompareAccumulator(LeafPlan leaf, MetricsOptions options) : SpanAccumulator
{
    private static readonly string[] ValueTypes = ["baseline", "selection"];
    private static readonly string[] TotalTypes = ["baseline_total", "selection_total"];

    private readonly MetricsCompare _compare = (MetricsCompare)leaf.Stage;
    private readonly Condition _selection = new(((MetricsCompare)leaf.Stage).Selection.Condition);
    private readonly CompareAttributes _attributes = new(options.Budget);
    private readonly CompareCounts _counts = new(options.Budget);
    private readonly SpanWeights? _weights = options.Extrapolates ? new SpanWeights() : null;
    private readonly ExemplarSampler _exemplars = new(options.Axis, options.MaxExemplars);
    private readonly ExemplarLabels _exemplarLabels = new(TraceQL.ReferencedAttributes.Of(leaf.Source));
    private readonly List<(int Attribute, int Value)> _found = [];

    public override void Add(in SpanCursor span, int interval)
    {
        var side = IsSelected(span) ? CompareCounts.Selection : CompareCounts.Baseline;
        var weight = _weights?.Of(span.Batch, span.Row) ?? 1;
        _found.Clear();
        _attributes.Collect(span, _found);
        foreach (var (attribute, value) in _found)
        {
            _counts.Add(attribute, value, side, interval, weight);
            _counts.Add(attribute, 0, side, interval, weight);
        }

        var (batch, row) = (span.Batch, span.Row);
        var trace = batch.TraceIds[batch.Trace[row]];
        if (_exemplars.IsActive && _exemplars.Wants(trace, batch.StartUnixNano[row], interval))
            _exemplars.Add(new ExemplarCandidate(trace, batch.StartUnixNano[row], batch.SpanId[row], side, 0, double.NaN, _exemplarLabels.Of(span)), interval);
    }

    public override void AddAll(SpanAccumulator other)
    {
        var source = (CompareAccumulator)other;
        source._counts.ForEach((attribute, value, side, interval, count) =>
        {
            var own = _attributes.NumberOf(source._attributes.Field(attribute));
            _counts.Add(own, _attributes.Values(own).InternFrom(source._attributes.Values(attribute), value), side, interval, count);
        });
        _exemplars.AddAll(source._exemplars, [CompareCounts.Baseline, CompareCounts.Selection]);
    }

    public override List<Series.Series> ToSeries()
    {
        var entries = _counts.Entries.Select(static (entry, number) => (entry.Attribute, entry.Value, entry.Side, entry.Total, Number: number)).ToList();
        var totals = entries.Where(static entry => entry.Value == 0).ToList();
        var listed = new List<(int Attribute, int Value, int Side, double Total, int Number)>();
        var crowded = new SortedSet<int>();
        foreach (var values in entries.Where(static entry => entry.Value != 0).GroupBy(static entry => (entry.Attribute, entry.Side)))
        {
            var most = values.OrderByDescending(static entry => entry.Total)
                .ThenBy(entry => LabelsOf("", entry.Attribute, entry.Value), Comparer<IReadOnlyList<AttributeResult>>.Create(LabelOrder.Compare)).ToList();
            if (most.Count > _compare.TopValues) crowded.Add(values.Key.Attribute);
            listed.AddRange(most.Take((int)_compare.TopValues));
        }

        var spread = _counts.Spread([.. listed.Concat(totals).Select(static entry => entry.Number)], options.Axis.Count);
        var exemplars = _exemplars.Chosen().ToLookup(static candidate => candidate.Group);
        var result = new List<Series.Series>();
        foreach (var entry in listed) result.Add(new Series.Series(LabelsOf(ValueTypes[entry.Side], entry.Attribute, entry.Value), spread[entry.Number]));
        foreach (var entry in totals)
        {
            // Every span has a name, so the totals of that attribute stand for all spans.
            var isName = _attributes.Field(entry.Attribute).Intrinsic == Intrinsic.Name;
            var own = isName ? exemplars[entry.Side].Select(Plain) : [];
            result.Add(new Series.Series(LabelsOf(TotalTypes[entry.Side], entry.Attribute, 0), spread[entry.Number]) { Exemplars = [.. own] });
        }

        foreach (var attribute in crowded)
        {
            AttributeResult[] labels = [new("__error", "__too_many_values__"), new(_attributes.Field(attribute).ToString(), ShownValue.Nil)];
            result.Add(new Series.Series(labels, new double[options.Axis.Count]));
        }

        return result;
    }

    private bool IsSelected(in SpanCursor span)
    {
        if (_compare.StartUnixNano is { } start)
        {
            var at = span.Batch.StartUnixNano[span.Row];
            if (at <= (ulong)start || at > (ulong)_compare.EndUnixNano!.Value) return false;
        }

        return _selection.Test(span) == Truth.True;
    }

    private SeriesExemplar Plain(ExemplarCandidate span) => new(span, options.Axis.IndexOf(span.StartUnixNano), double.NaN);

    private AttributeResult[] LabelsOf(string type, int attribute, int value) =>
    [
        new("__meta_type", type), new(_attributes.Field(attribute).ToString(), _attributes.Values(attribute).Label(value) ?? ShownValue.Nil),
    ];
}
