using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Operators.Rows;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Source;

/// <summary>
/// A pipeline that columns decide: filters one after the other, filters joined by ||, and stages that leave the set of spans as it is; and
/// how spans stand to each other (<c>{ a } | { b } &gt;&gt; { c }</c>), which a page knows of traces that lie there alone. One serves one
/// thread.
/// </summary>
internal sealed class RowFilter
{
    // All groups must hold; of a group one condition. An empty list of groups is "every span". Each condition twice: for whole
    // batches, and for single spans of whole traces.
    private readonly List<List<(SpanFilter Columns, Condition Span)>> _groups = [];

    private readonly Patience _patience = new();
    private RowSelector? _joined;

    private RowFilter()
    {
    }

    public bool MatchesAll => _groups.Count == 0 && _joined is null;

    private bool IsExact => _groups.TrueForAll(static group => group.TrueForAll(static one => one.Columns.IsExact));

    /// <summary>
    /// Can the pipeline be decided row by row? If it <see cref="NeedsTraces"/>, then on pages of blocks that this engine wrote, of
    /// traces that lie there alone.
    /// </summary>
    public static bool IsPossible(Pipeline pipeline)
    {
        var joined = JoinedBy(pipeline);
        if (!pipeline.Stages.All(stage => IsPossible(stage) || stage is SpansetExpression)) return false;
        // A link may make a child of a span without a parent; who reads links sees it.
        if (joined.Count > 0 && (ReferencedAttributes.Of(pipeline).Any(IsOfLink)
            || RowSelector.TryCompile(joined, KernelChoice.Current) is null))
            return false;
        return !NeedsTraces(pipeline) || Of(pipeline, KernelChoice.Current).IsExact;
    }

    /// <summary>Does it ask for facts of the whole trace, or where its spans stand to each other?</summary>
    public static bool NeedsTraces(Pipeline pipeline) => IsJoined(pipeline) || ReferencedAttributes.Of(pipeline).Any(FieldReader.IsOfTrace);

    /// <summary>Does it ask where spans stand to each other, or whether a trace has both of two kinds?</summary>
    public static bool IsJoined(Pipeline pipeline) => pipeline.Stages.Any(IsJoined);

    private static bool IsJoined(PipelineStage stage) => stage is SpansetOperation && !IsPossible(stage);

    // Its spansets up to the last one that does, since each chooses from what those before it chose; none if none does.
    private static List<SpansetExpression> JoinedBy(Pipeline pipeline) =>
        [.. pipeline.Stages.Reverse().SkipWhile(static stage => !IsJoined(stage)).Reverse().OfType<SpansetExpression>()];

    private static bool IsOfLink(AttributeRef field) =>
        field.Scope == TraceQL.Ast.AttributeScope.Link || field.Intrinsic is Intrinsic.LinkSpanId or Intrinsic.LinkTraceId;

    /// <summary>Of a pipeline that <see cref="IsPossible(Pipeline)"/>.</summary>
    public static RowFilter Of(Pipeline pipeline, KernelKind kernel)
    {
        var filter = new RowFilter { _joined = RowSelector.TryCompile(JoinedBy(pipeline), kernel) };
        // Filters before a join are among what it chooses from; here they say which pages need not be read.
        foreach (var stage in pipeline.Stages.Where(static stage => !IsJoined(stage)))
        {
            var alternatives = new List<FieldExpression>();
            Collect(stage, alternatives);
            if (alternatives.Count == 0 || alternatives.Contains(Literal.True)) continue;
            filter._groups.Add([.. alternatives.OrderByDescending(Selectivity.Estimate)
                .Select(a => (SpanFilter.CreateForWholeTraces(a, kernel), new Condition(a, filter._patience)))]);
        }

        return filter;
    }

    public void Watch(CancellationToken cancellation)
    {
        _patience.Cancellation = cancellation;
        _joined?.Watch(cancellation);
        foreach (var group in _groups)
            foreach (var (columns, _) in group)
                columns.Watch(cancellation);
    }

    /// <summary>Of a span of a whole trace; not where it asks how spans stand to each other.</summary>
    public bool Matches(in SpanCursor span)
    {
        foreach (var group in _groups)
            if (!MatchesAny(group, span))
                return false;
        return true;
    }

    /// <summary>
    /// Takes out of <paramref name="marks"/> the rows of the batch that do not match. False if the page's numbers are not those of trees,
    /// and whole traces have to be asked.
    /// </summary>
    public bool TryKeep(SpanBatch batch, int spanCount, Span<ulong> marks)
    {
        if (_joined is not null)
        {
            using var related = FilterScope.Rent(spanCount);
            if (!_joined.TryMark(batch, [], related.Bits)) return false;
            Bitmap.And(marks, related.Bits);
        }

        using var one = FilterScope.Rent(spanCount);
        using var any = FilterScope.Rent(spanCount);
        foreach (var group in _groups)
        {
            group[0].Columns.Mark(batch, spanCount, any.Bits);
            foreach (var (columns, _) in group.Skip(1))
                if (columns.Mark(batch, spanCount, one.Bits))
                    Bitmap.Or(any.Bits, one.Bits);
            Bitmap.And(marks, any.Bits);
            if (Bitmap.IsEmpty(marks)) break;
        }

        return true;
    }

    /// <summary>
    /// The part that no span of a row group, or page, can meet, by what is known of it without reading; null if it must be scanned.
    /// </summary>
    public string? FindExcluding(ISpanFacts facts)
    {
        foreach (var group in _groups)
            if (group.TrueForAll(one => one.Columns.FindExcluding(facts) is not null))
                return string.Join(" or else ", group.Select(one => one.Columns.FindExcluding(facts)));
        return null;
    }

    /// <summary>What is done, in order.</summary>
    public override string ToString() =>
        MatchesAll
            ? "true"
            : (_joined is null ? "" : "by where they stand to each other" + (_groups.Count > 0 ? " and then " : ""))
                + string.Join(" and then ", _groups.Select(
                    static group => string.Join(" or else ", group.Select(static one => one.Columns.ToString()))));

    private static bool MatchesAny(List<(SpanFilter Columns, Condition Span)> group, in SpanCursor span)
    {
        foreach (var (_, condition) in group)
            if (condition.Test(span) == Truth.True)
                return true;
        return false;
    }

    private static bool IsPossible(PipelineStage stage) => stage switch
    {
        SpansetFilter or Select or Coalesce => true,
        SpansetOperation { Op: SpansetOperator.Or } or => IsPossible(or.Left) && IsPossible(or.Right),
        _ => false,
    };

    private static void Collect(PipelineStage stage, List<FieldExpression> alternatives)
    {
        if (stage is SpansetFilter filter) alternatives.Add(filter.Condition);
        if (stage is not SpansetOperation or) return;
        Collect(or.Left, alternatives);
        Collect(or.Right, alternatives);
    }
}
