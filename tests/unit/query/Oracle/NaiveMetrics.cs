using System.Globalization;
using System.Numerics;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Oracle;

/// <summary>
/// A metrics query evaluated straight from the specification (TraceQL §6, §7) over plain objects: for each step the spans of the
/// step, for each group its values. Spans are given once each.
/// </summary>
public sealed class NaiveMetrics(IEnumerable<TestSpan> spans, long startNano, long endNano, long stepNano)
{
    private readonly List<NaiveTrace> _traces = [.. spans.GroupBy(static s => s.TraceId).Select(static g => new NaiveTrace([.. g]))];

    private long[] Ends { get; } = [.. Steps(startNano - startNano % stepNano, endNano, stepNano)];

    private static IEnumerable<long> Steps(long first, long end, long step)
    {
        yield return first;
        for (var at = first; at < end;) yield return at += step;
    }

    /// <summary>Each series as "{labels} ms:value ms:value", sorted.</summary>
    public List<string> Range(string query) =>
        [.. Evaluate(TraceQlParser.Parse(query).Metrics!).Select(Text).Order(StringComparer.Ordinal)];

    private sealed record NaiveSeries(IReadOnlyList<(string Key, object Value)> Labels, double?[] Values);

    private string Text(NaiveSeries series) =>
        $"{LabelText(series.Labels)} {string.Join(' ', series.Values.Index().Where(static v => v.Item is not null).Select(v => SampleText(Ends[v.Index] / 1_000_000, v.Item!.Value)))}";

    public static string SampleText(long timestampMs, double value) =>
        string.Create(CultureInfo.InvariantCulture, $"{timestampMs}:{value:G9}");

    public static string LabelText(IEnumerable<(string Key, object Value)> labels) =>
        $"{{{string.Join(", ", labels.Select(static label => string.Create(CultureInfo.InvariantCulture, $"{label.Key}={label.Value.GetType().Name}:{label.Value}")))}}}";

    private List<NaiveSeries> Evaluate(MetricsExpression expression) => expression switch
    {
        MetricsPipeline { Stage: MetricsCompare compare } pipeline => Compare(pipeline, compare),
        MetricsPipeline pipeline => Functions(pipeline, (MetricsFunction)pipeline.Stage),
        MetricsTopBottom topBottom => WithValues(TopBottom(Evaluate(topBottom.Inner), topBottom)),
        MetricsFilter filter =>
            WithValues(Each(
                Evaluate(filter.Inner), value => NaiveValue.Compare(filter.Op, value, Threshold(filter.Threshold)) ? value : null)),
        MetricsOperation { Left: MetricsScalar scalar } math =>
            WithValues(Each(Evaluate(math.Right), value => Compute(math.Op, scalar.Value.AsNumber, value))),
        MetricsOperation { Right: MetricsScalar scalar } math =>
            WithValues(Each(Evaluate(math.Left), value => Compute(math.Op, value, scalar.Value.AsNumber))),
        MetricsOperation math => WithValues(Join(math.Op, Evaluate(math.Left), Evaluate(math.Right))),
        _ => throw new ArgumentException($"not known to the oracle: {expression}", nameof(expression)),
    };

    private static double Threshold(TraceQlValue value) => value.Type == TraceQlType.Duration ? value.AsDurationNano / 1e9 : value.AsNumber;

    private List<(TestSpan Span, NaiveTrace Trace)> Spans(MetricsPipeline pipeline) =>
        [.. from trace in _traces from set in NaiveEngine.Run(pipeline.Source, trace) from span in set where Step(span)
            >= 0 select (span, trace)];

    private int Step(TestSpan span) =>
        Array.FindIndex(Ends, end => end - stepNano < (long)span.StartUnixNano && (long)span.StartUnixNano <= end);

    private List<NaiveSeries> Functions(MetricsPipeline pipeline, MetricsFunction function)
    {
        var selected = Spans(pipeline);
        var isCount = !(function.Kind is > MetricsFunctionKind.CountOverTime and <= MetricsFunctionKind.HistogramOverTime);
        if (isCount && function.By.Count == 0
            && pipeline.Source.Stages is not [SpansetFilter { Condition: Literal { Value: { Type: TraceQlType.Bool, AsBool: false } } }])
            return [new NaiveSeries(
                [("__name__", function.Name)], [.. Ends.Index().Select(end => (double?)Count(selected, end.Index, function))])];
        return [.. selected.GroupBy(s => LabelText(Labels(function, s.Span, s.Trace))).SelectMany(group => Series(function, [.. group]))];
    }

    private double Count(List<(TestSpan Span, NaiveTrace Trace)> spans, int step, MetricsFunction function) => function.Kind switch
    {
        MetricsFunctionKind.Rate => spans.Count(s => Step(s.Span) == step) / (stepNano / 1e9),
        MetricsFunctionKind.CountOverTime => spans.Count(s => Step(s.Span) == step),
        MetricsFunctionKind.CountDistinct =>
            spans.Where(s => Step(s.Span) == step).Select(s => Shown(NaiveEngine.FirstValue(function.Attribute!, s.Span, s.Trace)))
                .Where(static v => v is not null).Select(static v => (v!.GetType(), v)).Distinct().Count(),
        MetricsFunctionKind.CountTraces =>
            spans.GroupBy(static s => s.Trace).Count(trace => Step(trace.MinBy(static s => s.Span.StartUnixNano).Span) == step),
        _ => spans.GroupBy(static s => s.Trace).Count(trace => Step(trace.MinBy(static s => s.Span.StartUnixNano).Span) == step)
            / (stepNano / 1e9),
    };

    private IEnumerable<NaiveSeries> Series(MetricsFunction function, List<(TestSpan Span, NaiveTrace Trace)> group)
    {
        var labels = Labels(function, group[0].Span, group[0].Trace);
        if (function.Kind == MetricsFunctionKind.CountDistinct
            && group.TrueForAll(s => Shown(NaiveEngine.FirstValue(function.Attribute!, s.Span, s.Trace)) is null))
            return [];
        if (!(function.Kind is > MetricsFunctionKind.CountOverTime and <= MetricsFunctionKind.HistogramOverTime))
            return [new NaiveSeries(labels, [.. Ends.Index().Select(end => (double?)Count(group, end.Index, function))])];
        var divisor = function.Attribute!.Type == TraceQlType.Duration ? 1e9 : 1;
        var values = group.Select(s => (Step: Step(s.Span), Value: NaiveEngine.FirstValue(function.Attribute, s.Span, s.Trace))).ToList();
        if (function.Kind is MetricsFunctionKind.HistogramOverTime or MetricsFunctionKind.QuantileOverTime)
        {
            var buckets = values.Where(static v => v.Value is long or Nanos)
                .Select(static v => (v.Step, Bucket: Bucket((long)NaiveValue.Number(v.Value)!.Value))).Where(static v => v.Bucket > 0)
                .ToList();
            if (buckets.Count == 0) return [];
            if (function.Kind == MetricsFunctionKind.QuantileOverTime)
                return function.Quantiles.Select(
                    q => new NaiveSeries([.. labels, ("p", q)],
                        [.. Ends.Index().Select(
                            end => (double?)Quantile(q, [.. buckets.Where(b => b.Step == end.Index).Select(static b => b.Bucket).Order()])
                                / divisor)]));
            return buckets.Select(static b => b.Bucket).Distinct()
                .Select(bucket => new NaiveSeries([.. labels, ("__bucket", bucket / divisor)],
                    [.. Ends.Index().Select(end => (double?)buckets.Count(b => b.Bucket == bucket && b.Step == end.Index))]));
        }

        var numbers = values.Where(static v => NaiveValue.Number(v.Value) is not null)
            .ToLookup(static v => v.Step, static v => NaiveValue.Number(v.Value)!.Value);
        return WithValues([new NaiveSeries(labels,
            [.. Ends.Index().Select(
                end => numbers[end.Index].Any() ? Aggregate(function.Kind, [.. numbers[end.Index]]) / divisor : (double?)null)])]);
    }

    private static double Aggregate(MetricsFunctionKind kind, double[] values) => kind switch
    {
        MetricsFunctionKind.MinOverTime => values.Min(),
        MetricsFunctionKind.MaxOverTime => values.Max(),
        MetricsFunctionKind.SumOverTime => values.Sum(),
        _ => values.Average(),
    };

    private static double Bucket(long value)
    {
        if (value < 2) return 0;
        var bound = BigInteger.One;
        while (bound < value) bound *= 2;
        return (double)bound;
    }

    // The need-th smallest of the bounds, moved back into its bucket.
    private static double Quantile(double quantile, List<double> bounds)
    {
        if (bounds.Count == 0) return 0;
        var need = (int)Math.Max(1, Math.Ceiling(quantile * bounds.Count));
        var bound = bounds[need - 1];
        int below = bounds.Count(b => b < bound), within = bounds.Count(b => b == bound);
        if (below + within == need) return bound;
        var lower = below == 0 ? bound / 2 : bounds.Last(b => b < bound);
        return lower * Math.Pow(bound / lower, (need - below) / (double)within);
    }

    private static List<(string Key, object Value)> Labels(MetricsFunction function, TestSpan span, NaiveTrace trace)
    {
        if (function.By.Count == 0)
            return function.Kind is MetricsFunctionKind.HistogramOverTime or MetricsFunctionKind.QuantileOverTime
                ? []
                : [("__name__", function.Name)];
        var labels = function.By.Select((field, i) => (function.LabelName(i), Shown(NaiveEngine.FirstValue(field, span, trace))))
            .Where(static label => label.Item2 is not null).Select(static label => (label.Item1, label.Item2!)).ToList();
        return labels.Count > 0 ? labels : [(function.LabelName(0), "nil")];
    }

    // As labels show values; null for nil and arrays.
    private static object? Shown(object? value) => value switch
    {
        object[] => null,
        Nanos nanos => TraceQlValue.Duration(nanos.Value).ToString(),
        StatusCode status => TraceQlValue.Status((TraceQlStatus)status.Value).ToString(),
        KindCode kind => TraceQlValue.Kind((TraceQlKind)kind.Value).ToString(),
        _ => value,
    };

    private List<NaiveSeries> Compare(MetricsPipeline pipeline, MetricsCompare compare)
    {
        var counted = (from s in Spans(pipeline)
                       let side = NaiveEngine.Matches(compare.Selection.Condition, s.Span, s.Trace) ? "selection" : "baseline"
                       from attribute in Attributes(s.Span, s.Trace)
                       select (Side: side, attribute.Key, attribute.Value, Step: Step(s.Span))).ToList();
        var result = new List<NaiveSeries>();
        foreach (var attribute in counted.GroupBy(static c => (c.Key, c.Side)))
        {
            var values = attribute.GroupBy(static c => (c.Value.GetType(), c.Value)).OrderByDescending(static g => g.Count())
                .ThenBy(static g => g.Key.Value, Comparer<object>.Create(CompareValues)).ToList();
            result.AddRange(values.Take((int)compare.TopValues)
                .Select(value => PerStep(
                    [("__meta_type", attribute.Key.Side), (attribute.Key.Key, value.Key.Value)], value.Select(static c => c.Step))));
            result.Add(PerStep(
                [("__meta_type", attribute.Key.Side + "_total"), (attribute.Key.Key, "nil")], attribute.Select(static c => c.Step)));
            if (values.Count > compare.TopValues && !result.Exists(
                r => r.Labels[0].Key == "__error" && r.Labels[1].Key == attribute.Key.Key))
                result.Add(PerStep([("__error", "__too_many_values__"), (attribute.Key.Key, "nil")], []));
        }

        return result;
    }

    private NaiveSeries PerStep(IReadOnlyList<(string, object)> labels, IEnumerable<int> steps) =>
        new(labels, [.. Ends.Index().Select(end => (double?)steps.Count(step => step == end.Index))]);

    private static IEnumerable<(string Key, object Value)> Attributes(TestSpan span, NaiveTrace trace)
    {
        string[] fields = ["name", "status", "statusMessage", "kind", "rootName", "rootServiceName", "span:childCount",
            "instrumentation:name", "instrumentation:version"];
        IEnumerable<AttributeRef> all =
        [
            .. fields.Select(TraceQlParser.ParseAttribute),
            .. span.Resource.Attributes.Select(static a => new AttributeRef(AttributeScope.Resource, a.Key)),
            .. span.Attributes.Select(static a => new AttributeRef(AttributeScope.Span, a.Key)),
            .. span.Scope.Attributes.Select(static a => new AttributeRef(AttributeScope.Instrumentation, a.Key)),
        ];
        foreach (var field in all)
            if (Shown(trace.Read(field, span, null, null)) is { } value)
                yield return (field.ToString(), value);
    }

    private List<NaiveSeries> TopBottom(List<NaiveSeries> series, MetricsTopBottom stage)
    {
        foreach (var step in Enumerable.Range(0, Ends.Length))
        {
            var there = series.Where(s => s.Values[step] is not null)
                .OrderBy(static s => s.Labels, Comparer<IReadOnlyList<(string, object)>>.Create(CompareLabels)).ToList();
            if (!stage.IsTop) there.Reverse();
            var kept = (stage.IsTop
                ? there.OrderByDescending(s => s.Values[step])
                : there.OrderBy(s => s.Values[step])).Take((int)stage.Limit).ToHashSet();
            foreach (var dropped in there.Where(s => !kept.Contains(s))) dropped.Values[step] = null;
        }

        return series;
    }

    private static List<NaiveSeries> Join(FieldOperator op, List<NaiveSeries> left, List<NaiveSeries> right)
    {
        static bool IsBare(List<NaiveSeries> side) => side.Count == 1 && side[0].Labels.All(static l => l.Key == "__name__");
        static string Key(NaiveSeries s) =>
            LabelText(s.Labels.Where(static l => l.Key != "__name__").OrderBy(static l => l.Key, StringComparer.Ordinal));
        var pairs = IsBare(right) && !IsBare(left) ? left.Select(l => (l, right[0]))
            : IsBare(left) && !IsBare(right) ? right.Select(r => (left[0], r))
            : from l in left from r in right where Key(l) == Key(r) select (l, r);
        return [.. pairs.Select(pair => Combine(op, pair.Item1, pair.Item2))];
    }

    private static NaiveSeries Combine(FieldOperator op, NaiveSeries left, NaiveSeries right)
    {
        var names = new[] { left, right }.SelectMany(static s => s.Labels.Where(static l => l.Key == "__name__")).ToList();
        var labels = left.Labels.Concat(right.Labels).Where(static l => l.Key != "__name__").DistinctBy(static l => l.Key).ToList();
        if (names.Count == 2) labels.Insert(0, ("__name__", $"({names[0].Value} {op.Text()} {names[1].Value})"));
        return new NaiveSeries(labels, [.. left.Values.Zip(right.Values, (l, r) => Compute(op, l, r))]);
    }

    private static double? Compute(FieldOperator op, double? left, double? right) => op switch
    {
        _ when left is null || right is null => null,
        FieldOperator.Divide when right == 0 => null,
        _ => (double?)NaiveValue.Compute(op, left, right),
    };

    private static List<NaiveSeries> Each(List<NaiveSeries> series, Func<double?, double?> change) =>
        [.. series.Select(s => s with { Values = [.. s.Values.Select(v => v is null ? null : change(v))] })];

    private static List<NaiveSeries> WithValues(List<NaiveSeries> series) =>
        [.. series.Where(static s => s.Values.Any(static v => v is not null))];

    private static int CompareLabels(IReadOnlyList<(string Key, object Value)> a, IReadOnlyList<(string Key, object Value)> b)
    {
        if (a.Count != b.Count) return a.Count.CompareTo(b.Count);
        for (var i = 0; i < a.Count; i++)
        {
            var order = string.CompareOrdinal(a[i].Key, b[i].Key);
            if (order == 0) order = CompareValues(a[i].Value, b[i].Value);
            if (order != 0) return order;
        }

        return 0;
    }

    private static int CompareValues(object a, object b)
    {
        static int Rank(object value) => value switch { bool => 0, string => 2, _ => 1 };
        if (Rank(a) != Rank(b)) return Rank(a).CompareTo(Rank(b));
        if (a is string text) return string.CompareOrdinal(text, (string)b);
        if (a is bool flag) return flag.CompareTo((bool)b);
        var order = NaiveValue.Number(a)!.Value.CompareTo(NaiveValue.Number(b)!.Value);
        return order != 0 ? order : (a is double).CompareTo(b is double);
    }
}
