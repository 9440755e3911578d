using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Oracle;

/// <summary>
/// A search evaluated straight from the specification (TraceQL §4, §5) over plain objects: no columns, no plan, no tree numbers.
/// </summary>
public static class NaiveEngine
{
    /// <summary>Per trace (newest first) its spansets, as "trace id: what it is: span ids / span ids", ids ascending.</summary>
    public static List<string> Search(string query, IEnumerable<TestSpan> spans, int limit)
    {
        var tree = TraceQlParser.Parse(query).SearchPipeline;
        return
        [
            .. spans.GroupBy(static s => s.TraceId).Select(static g => new NaiveTrace([.. g]))
                .OrderByDescending(static t => t.Start).ThenBy(static t => t.Spans[0].TraceId)
                .Select(trace => (trace, Sets: Run(tree, trace))).Where(static found => found.Sets.Count > 0).Take(limit)
                .Select(static found => $"{found.trace.Spans[0].TraceId}: {Summary(found.trace)}: {Text(found.Sets.Select(static set => set.Select(static s => s.Id)))}"),
        ];
    }

    /// <summary>What an answer says of a trace beside its spans; services ascend.</summary>
    public static string Summary(string? rootService, string? rootName, ulong start, ulong duration, IEnumerable<string> services) =>
        $"{rootService ?? "-"} {rootName ?? "-"} {start} {duration} [{string.Join(", ", services)}]";

    private static string Summary(NaiveTrace trace) => Summary(
        trace.Root is null ? null : trace.RootService,
        trace.Root?.Name,
        trace.Start,
        trace.End - trace.Start,
        trace.Spans.GroupBy(NaiveTrace.ServiceOf).OrderBy(static service => service.Key, StringComparer.Ordinal)
            .Select(static service => $"{service.Key} {service.Count()} {service.Count(static span => span.Status == 2)}"));

    /// <summary>Ids of the spans that a condition is true of.</summary>
    public static HashSet<ulong> Matching(FieldExpression condition, IEnumerable<TestSpan> spans) =>
    [
        .. spans.GroupBy(static s => s.TraceId).Select(static g => new NaiveTrace([.. g]))
            .SelectMany(trace => trace.Spans.Where(span => Bindings(condition, span).Any(bound => IsTrue(condition, span, bound, trace))))
            .Select(static s => s.Id),
    ];

    /// <summary>The spans that a single filter matches.</summary>
    public static List<TestSpan> SpansOf(string filter, IEnumerable<TestSpan> spans)
    {
        var condition = (SpansetExpression)((Pipeline)TraceQlParser.Parse(filter).SearchPipeline).Stages[0];
        return [.. spans.GroupBy(static s => s.TraceId).Select(static g => new NaiveTrace([.. g]))
            .SelectMany(trace => Choose(condition, [.. trace.Spans], trace))];
    }

    public static string Text(IEnumerable<IEnumerable<ulong>> sets) =>
        string.Join(" / ", sets.Select(static set => string.Join(' ', set.Order().Select(static id => id.ToString("x", null))))
            .Order(StringComparer.Ordinal));

    /// <summary>The spansets that a pipeline makes of a trace.</summary>
    internal static List<List<TestSpan>> Run(PipelineExpression expression, NaiveTrace trace)
    {
        if (expression is PipelineOperation operation)
        {
            var joined = Join(operation.Op, [.. Run(operation.Left, trace).SelectMany(static s => s)],
                [.. Run(operation.Right, trace).SelectMany(static s => s)], trace);
            return joined.Count == 0 ? [] : [joined];
        }

        List<List<TestSpan>> sets = [[.. trace.Spans]];
        foreach (var stage in ((Pipeline)expression).Stages) sets = [.. Apply(stage, sets, trace).Where(static set => set.Count > 0)];
        return sets;
    }

    private static IEnumerable<List<TestSpan>> Apply(PipelineStage stage, List<List<TestSpan>> sets, NaiveTrace trace) => stage switch
    {
        SpansetExpression spanset => sets.Select(set => Choose(spanset, set, trace)),
        GroupBy groupBy =>
            sets.SelectMany(set => set.GroupBy(span => Key(FirstValue(groupBy.Key, span, trace), groupBy)).Select(static g => g.ToList())),
        Coalesce => sets.Count == 0 ? [] : [[.. sets.SelectMany(static set => set)]],
        ScalarFilter scalar =>
            sets.Where(set => NaiveValue.Compare(scalar.Op, Number(scalar.Left, set, trace), Number(scalar.Right, set, trace)))
                .Select(set => Found(scalar.Left, trace).Concat(Found(scalar.Right, trace)).ToList() is { Count: > 0 } found
                    ? [.. found.SelectMany(static f => f).Distinct()]
                    : set),
        _ => sets,
    };

    private static object Key(object? value, GroupBy groupBy) => value switch
    {
        null => groupBy.Key is AttributeRef ? "nil of no type" : false,
        object[] items => string.Join('|', items.Select(static i => $"{i.GetType()}{i}")),
        _ => value,
    };

    private static object? Number(ScalarExpression expression, List<TestSpan> set, NaiveTrace trace) => expression switch
    {
        ScalarLiteral literal => NaiveValue.Of(literal.Value),
        Aggregate aggregate => Aggregate(aggregate, set, trace),
        ScalarOperation operation =>
            NaiveValue.Compute(operation.Op, Number(operation.Left, set, trace), Number(operation.Right, set, trace)),
        ScalarPipeline pipeline => Number(pipeline.Aggregate, [.. Run(pipeline.Source, trace).SelectMany(static s => s)], trace),
        _ => throw new ArgumentException($"not known to the oracle: {expression}", nameof(expression)),
    };

    // What the pipelines that are compared find, one list for each of them.
    private static IEnumerable<List<TestSpan>> Found(ScalarExpression expression, NaiveTrace trace) => expression switch
    {
        ScalarOperation operation => Found(operation.Left, trace).Concat(Found(operation.Right, trace)),
        ScalarPipeline pipeline => [[.. Run(pipeline.Source, trace).SelectMany(static s => s)]],
        _ => [],
    };

    private static object? Aggregate(Aggregate aggregate, List<TestSpan> set, NaiveTrace trace)
    {
        if (aggregate.Operand is null) return (long)set.Count;
        var values =
            set.Select(span => FirstValue(aggregate.Operand, span, trace)).Where(static v => NaiveValue.Number(v) is not null).ToList();
        if (values.Count == 0) return null;
        return aggregate.Function switch
        {
            AggregateFunction.Max => values.MaxBy(NaiveValue.Number),
            AggregateFunction.Min => values.MinBy(NaiveValue.Number),
            AggregateFunction.Sum when values.All(static v => v is long) => values.Sum(static v => (long)v!),
            AggregateFunction.Sum when values.All(static v => v is Nanos) => new Nanos(values.Sum(static v => ((Nanos)v!).Value)),
            AggregateFunction.Sum => values.Sum(NaiveValue.Number),
            _ when values.All(static v => v is Nanos) => new Nanos((long)values.Average(static v => ((Nanos)v!).Value)),
            _ => values.Average(NaiveValue.Number),
        };
    }

    private static List<TestSpan> Choose(SpansetExpression expression, List<TestSpan> from, NaiveTrace trace)
    {
        if (expression is SpansetOperation operation)
            return Join(operation.Op, Choose(operation.Left, from, trace), Choose(operation.Right, from, trace), trace);
        var condition = ((SpansetFilter)expression).Condition;
        return [.. from.Where(span => Bindings(condition, span).Any(bound => IsTrue(condition, span, bound, trace)))];
    }

    /// <summary>Does one span of a trace meet a condition?</summary>
    internal static bool Matches(FieldExpression condition, TestSpan span, NaiveTrace trace) =>
        Bindings(condition, span).Any(bound => IsTrue(condition, span, bound, trace));

    private static List<TestSpan> Join(SpansetOperator op, List<TestSpan> left, List<TestSpan> right, NaiveTrace trace)
    {
        if (op == SpansetOperator.And) return left.Count > 0 && right.Count > 0 ? [.. left.Union(right)] : [];
        if (op == SpansetOperator.Or) return [.. left.Union(right)];
        var related = right.Where(b => left.Exists(a => Relates(op, a, b, trace))).ToList();
        if (op is SpansetOperator.NotChild or SpansetOperator.NotDescendant or SpansetOperator.NotParent or SpansetOperator.NotAncestor
            or SpansetOperator.NotSibling)
            return [.. right.Except(related).Where(trace.IsPlaced)];
        return op >= SpansetOperator.UnionChild
            ? [.. related.Union(left.Where(a => right.Exists(b => Relates(op, a, b, trace))))]
            : related;
    }

    private static bool Relates(SpansetOperator op, TestSpan a, TestSpan b, NaiveTrace trace) =>
        trace.IsPlaced(a) && trace.IsPlaced(b) && op switch
        {
            SpansetOperator.Child or SpansetOperator.NotChild or SpansetOperator.UnionChild => trace.ParentOf(b) == a,
            SpansetOperator.Descendant or SpansetOperator.NotDescendant or SpansetOperator.UnionDescendant => trace.IsBelow(b, a),
            SpansetOperator.Parent or SpansetOperator.NotParent or SpansetOperator.UnionParent => trace.ParentOf(a) == b,
            SpansetOperator.Ancestor or SpansetOperator.NotAncestor or SpansetOperator.UnionAncestor => trace.IsBelow(a, b),
            _ => a != b && a.ParentId == b.ParentId,
        };

    internal static object? FirstValue(FieldExpression expression, TestSpan span, NaiveTrace trace) =>
        Bindings(expression, span).Select(bound => Evaluate(expression, span, bound, trace))
            .FirstOrDefault(static value => value is not null);

    private static IEnumerable<(TestEvent? Event, TestLink? Link)> Bindings(FieldExpression expression, TestSpan span)
    {
        var fields = ReferencedAttributes.Of(expression);
        var events = fields.Any(
            static f => f.Scope == AttributeScope.Event || f.Intrinsic is Intrinsic.EventName or Intrinsic.EventTimeSinceStart)
                ? span.Events
                : [];
        var links = fields.Any(static f => f.Scope == AttributeScope.Link || f.Intrinsic is Intrinsic.LinkSpanId or Intrinsic.LinkTraceId)
            ? span.Links
            : [];
        return from link in links.DefaultIfEmpty() from e in events.DefaultIfEmpty() select (e, link);
    }

    private static bool IsTrue(FieldExpression condition, TestSpan span, (TestEvent? Event, TestLink? Link) bound, NaiveTrace trace) =>
        Evaluate(condition, span, bound, trace) is true;

    private static object? Evaluate(FieldExpression expression, TestSpan span, (TestEvent? Event, TestLink? Link) bound, NaiveTrace trace)
    {
        object? Value(FieldExpression e) => Evaluate(e, span, bound, trace);
        bool True(FieldExpression e) => IsTrue(e, span, bound, trace);
        return expression switch
        {
            Literal literal => NaiveValue.Of(literal.Value),
            AttributeRef field => trace.Read(field, span, bound.Event, bound.Link),
            AnyOf { IsEvent: true } any => span.Events.Any(e => IsTrue(any.Condition, span, (e, bound.Link), trace)),
            AnyOf any => span.Links.Any(link => IsTrue(any.Condition, span, (bound.Event, link), trace)),
            BinaryExpression
            {
                Op: FieldOperator.Equal, Left: AttributeRef { Intrinsic: Intrinsic.SpanParentId },
                Right: Literal { Value.IsNil: true }
            } => span.ParentId == 0,
            UnaryExpression { Op: UnaryOperator.Not, Operand: AttributeRef field } => Value(field) is false,
            UnaryExpression { Op: UnaryOperator.Not } not => !True(not.Operand),
            UnaryExpression minus => NaiveValue.Compute(FieldOperator.Subtract, 0L, Value(minus.Operand)),
            BinaryExpression { Op: FieldOperator.And } and => True(and.Left) && True(and.Right),
            BinaryExpression { Op: FieldOperator.Or } or => True(or.Left) || True(or.Right),
            BinaryExpression { Right: Literal { Value.IsNil: true } } exists => Exists(exists.Op, exists.Left, Value(exists.Left), bound),
            BinaryExpression { Op: var op } binary when op.IsArithmetic() =>
                NaiveValue.Compute(op, Value(binary.Left), Value(binary.Right)),
            BinaryExpression binary => NaiveValue.Compare(binary.Op, Value(binary.Left), Value(binary.Right)),
            _ => throw new ArgumentException($"not known to the oracle: {expression}", nameof(expression)),
        };
    }

    // "= nil" speaks of an event or link: a span without any has none that lacks the field.
    private static bool Exists(FieldOperator op, FieldExpression operand, object? value, (TestEvent? Event, TestLink? Link) bound)
    {
        var field = operand as AttributeRef;
        if (field?.Scope == AttributeScope.Event && bound.Event is null || field?.Scope == AttributeScope.Link && bound.Link is null)
            return false;
        return value is null == (op == FieldOperator.Equal);
    }
}
