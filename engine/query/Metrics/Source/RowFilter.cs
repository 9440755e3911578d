using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Source;

/// <summary>
/// A pipeline that looks at each span by itself: filters one after the other, filters joined by ||, and stages that leave the
/// set of spans as it is. One serves one thread.
/// </summary>
internal sealed class RowFilter
{
    // All groups must hold; of a group one condition. An empty list of groups is "every span". Each condition twice: for whole
    // batches, and for single spans of whole traces.
    private readonly List<List<(SpanFilter Columns, Condition Span)>> _groups = [];

    private RowFilter()
    {
    }

    public bool MatchesAll => _groups.Count == 0;

    private bool IsExact => _groups.TrueForAll(static group => group.TrueForAll(static one => one.Columns.IsExact));

    /// <summary>
    /// Can the pipeline be decided span by span? If it <see cref="NeedsTraces"/>, then on pages of blocks that this engine wrote, of
    /// traces that lie there alone.
    /// </summary>
    public static bool IsPossible(Pipeline pipeline) => pipeline.Stages.All(IsPossible) && (!NeedsTraces(pipeline) || Of(pipeline, KernelChoice.Current).IsExact);

    /// <summary>Does it ask for facts of the whole trace?</summary>
    public static bool NeedsTraces(Pipeline pipeline) => ReferencedAttributes.Of(pipeline).Any(FieldReader.IsOfTrace);

    /// <summary>Of a pipeline that <see cref="IsPossible(Pipeline)"/>.</summary>
    public static RowFilter Of(Pipeline pipeline, KernelKind kernel)
    {
        var filter = new RowFilter();
        foreach (var stage in pipeline.Stages)
        {
            var alternatives = new List<FieldExpression>();
            Collect(stage, alternatives);
            if (alternatives.Count == 0 || alternatives.Contains(Literal.True)) continue;
            filter._groups.Add([.. alternatives.OrderByDescending(Selectivity.Estimate).Select(a => (SpanFilter.CreateForWholeTraces(a, kernel), new Condition(a)))]);
        }

        return filter;
    }

    public void Watch(CancellationToken cancellation)
    {
        foreach (var group in _groups)
            foreach (var (columns, _) in group)
                columns.Watch(cancellation);
    }

    public bool Matches(in SpanCursor span)
    {
        foreach (var group in _groups)
            if (!MatchesAny(group, span))
                return false;
        return true;
    }

    /// <summary>Takes out of <paramref name="marks"/> the rows of the batch that do not match.</summary>
    public void Keep(SpanBatch batch, int spanCount, Span<ulong> marks)
    {
        using var one = FilterScope.Rent(spanCount);
        using var any = FilterScope.Rent(spanCount);
        foreach (var group in _groups)
        {
            group[0].Columns.Mark(batch, spanCount, any.Bits);
            foreach (var (columns, _) in group.Skip(1))
                if (columns.Mark(batch, spanCount, one.Bits))
                    Bitmap.Or(any.Bits, one.Bits);
            Bitmap.And(marks, any.Bits);
            if (Bitmap.IsEmpty(marks)) return;
        }
    }

    /// <summary>The part that no span of a row group, or page, can meet, by what is known of it without reading; null if it must be scanned.</summary>
    public string? FindExcluding(ISpanFacts facts)
    {
        foreach (var group in _groups)
            if (group.TrueForAll(one => one.Columns.FindExcluding(facts) is not null))
                return string.Join(" or else ", group.Select(one => one.Columns.FindExcluding(facts)));
        return null;
    }

    /// <summary>What is done, in order.</summary>
    public override string ToString() =>
        MatchesAll ? "true" : string.Join(" and then ", _groups.Select(static group => string.Join(" or else ", group.Select(static one => one.Columns.ToString()))));

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
