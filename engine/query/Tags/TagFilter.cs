using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// The spans that a half-typed query leaves over. Read leniently: an incomplete comparison is true, a text that makes no
/// sense filters nothing. Conditions on the whole trace cannot be decided on a span alone and leave it in.
/// </summary>
internal sealed class TagFilter
{
    private readonly SpanFilter _spans;
    private int[] _selection = [];

    private TagFilter(FieldExpression condition) => _spans = SpanFilter.Create(condition);

    /// <summary>Every span is left over.</summary>
    public bool MatchesAll => _spans.SelectsAll;

    /// <summary>No span is.</summary>
    public bool MatchesNothing => _spans.SelectsNone;

    /// <summary>No span of a row group, or page, is left over, by what is known of it without reading.</summary>
    public bool Excludes(ISpanFacts facts) => _spans.FindExcluding(facts) is not null;

    /// <summary>Throws <see cref="QueryException"/> for a query of too many groups.</summary>
    public static TagFilter Of(string query, TagLimits limits)
    {
        if (query.Length == 0 || TraceQlParser.ParseLenient(query) is not { } parsed) return new TagFilter(Literal.True);
        var groups = new ConditionGroups(limits.MaxConditionGroups).CountOf(parsed.SearchPipeline);
        if (groups > limits.MaxConditionGroups)
        {
            throw new QueryException(
                QueryErrorKind.BadRequest,
                $"maximum condition groups reached (limit: {limits.MaxConditionGroups}). Reduce the number of OR conditions in the query");
        }

        return new TagFilter(RootCondition.Rewrite(CandidateFilter.Of(parsed.SearchPipeline)));
    }

    /// <summary>The rows among the first <paramref name="spanCount"/> that match, ascending; good until the next call.</summary>
    public ReadOnlySpan<int> Select(SpanBatch batch, int spanCount)
    {
        GrowableArray.Reserve(ref _selection, spanCount);
        return _selection.AsSpan(0, _spans.Select(batch, spanCount, _selection.AsSpan(0, spanCount)));
    }

    /// <summary>Counts the groups of a query in disjunctive form, up to one beyond the limit.</summary>
    private readonly struct ConditionGroups(int limit)
    {
        public long CountOf(PipelineExpression expression)
        {
            if (expression is PipelineOperation operation) return Cut(CountOf(operation.Left) + CountOf(operation.Right));
            var groups = 1L;
            foreach (var stage in ((Pipeline)expression).Stages)
                if (stage is SpansetExpression spans)
                    groups = Cut(groups * CountOf(spans));
            return groups;
        }

        private long CountOf(SpansetExpression expression) => expression switch
        {
            SpansetFilter filter => CountOf(filter.Condition),
            SpansetOperation operation => Cut(CountOf(operation.Left) + CountOf(operation.Right)),
            _ => 1,
        };

        private long CountOf(FieldExpression condition) => condition switch
        {
            BinaryExpression { Op: FieldOperator.Or } or => Cut(CountOf(or.Left) + CountOf(or.Right)),
            BinaryExpression { Op: FieldOperator.And } and => Cut(CountOf(and.Left) * CountOf(and.Right)),
            UnaryExpression { Op: UnaryOperator.Not } not => CountOf(not.Operand),
            _ => 1,
        };

        private long Cut(long count) => Math.Min(count, limit + 1L);
    }
}
