using System.Runtime.InteropServices;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Answers from the page that was scanned, for queries that one filter decides (<c>{ … }</c>, with select() and count() behind it)
/// and traces that lie in the page's block alone: the spans that the filter chose are the answer, and nothing has to be put together.
/// Says of a trace exactly what is said of it when it is. One thread's.
/// </summary>
internal sealed class PageAnswers
{
    private readonly TraceNeeds _needs;
    private readonly TraceDescriber _describer;
    private readonly IReadOnlyList<ScalarFilter> _counts;
    private readonly FieldAttributes _fields;
    private int[] _firstOf = [];
    private int[] _countOf = [];
    private int[] _listed = [];
    private int _filling = -1;
    private SpanBatch? _batch;

    private PageAnswers(TraceNeeds needs, TraceDescriber describer, IReadOnlyList<ScalarFilter> counts)
    {
        (_needs, _describer, _counts) = (needs, describer, counts);
        _fields = new FieldAttributes(needs.Fields);
    }

    /// <summary>Null if the query needs whole traces.</summary>
    public static PageAnswers? TryCreate(PipelineExpression? query, SearchPlan plan, TraceDescriber describer)
    {
        if (query is not Pipeline pipeline || pipeline.Stages[0] is not SpansetFilter filter || !plan.Candidates.IsExact || plan.Needs.HasTree) return null;
        // What was scanned for must be the filter itself, and not something that only leads to traces worth looking at.
        if (CandidateFilter.Of(pipeline) is var scanned && scanned != filter.Condition) return null;
        // A link may make a child of a span without a parent; who reads links sees it.
        if (plan.Needs.Fields.Any(static field => FieldReader.IsOfTrace(field) || field.Scope == TraceQL.Ast.AttributeScope.Link || field.Intrinsic is Intrinsic.LinkSpanId or Intrinsic.LinkTraceId)) return null;
        var rest = pipeline.Stages.Skip(1).ToList();
        if (!rest.TrueForAll(static stage => stage is Select or ScalarFilter { Left: Aggregate { Operand: null }, Right: ScalarLiteral })) return null;
        return new PageAnswers(plan.Needs, describer, [.. rest.OfType<ScalarFilter>()]);
    }

    /// <summary>Takes the rows that the filter chose on a page, ascending; good as long as the page.</summary>
    public void Begin(SpanBatch batch, ReadOnlySpan<int> rows)
    {
        (_batch, _filling) = (batch, -1);
        GrowableArray.Reserve(ref _firstOf, batch.TraceCount);
        GrowableArray.Reserve(ref _countOf, batch.TraceCount);
        _countOf.AsSpan(0, batch.TraceCount).Clear();
        for (var i = 0; i < rows.Length; i++)
        {
            var trace = batch.Trace[rows[i]];
            if (_countOf[trace]++ == 0) _firstOf[trace] = i;
        }
    }

    /// <summary>The answer for a trace of the page, of the same rows; null if it does not match.</summary>
    public TraceSearchResult? Answer(int trace, ReadOnlySpan<int> rows, int spansPerSpanSet)
    {
        var batch = _batch!;
        var count = _countOf[trace];
        var attributes = new List<AttributeResult>(_counts.Count);
        foreach (var filter in _counts)
        {
            if (!TraceQlArithmetic.Compare(filter.Op, TraceQlValue.Int(count), ((ScalarLiteral)filter.Right).Value)) return null;
            attributes.Add(new AttributeResult(filter.Left.ToString(), ShownValue.Of(TraceQlValue.Int(count))));
        }

        Load(batch);
        var found = rows.Slice(_firstOf[trace], count);
        var (first, end) = (found[0], found[^1] + 1);
        while (first > 0 && batch.Trace[first - 1] == trace) first--;
        while (end < batch.SpanCount && batch.Trace[end] == trace) end++;
        var answer = _describer.Describe(batch, trace, RootOf(batch, first, end));
        answer.SpanSets.Add(_describer.DescribeSet(batch, ByTime(batch, found, spansPerSpanSet), count, attributes));
        _describer.AddServiceStats(batch, first, end, answer);
        return answer;
    }

    private void Load(SpanBatch batch)
    {
        if (_filling == batch.Filling) return;
        batch.Require(_needs.Columns | BatchColumns.ResourceServiceNames | BatchColumns.Name);
        _fields.LoadInto(batch);
        _filling = batch.Filling;
    }

    // Of the spans without a parent the last in the order of spans; -1 if there is none.
    private static int RootOf(SpanBatch batch, int first, int end)
    {
        var root = -1;
        var parents = batch.ParentSpanId;
        for (var row = first; row < end; row++)
            if (parents[row] == 0 && (root < 0 || Compare(batch, row, root) > 0))
                root = row;
        return root;
    }

    // The first rows in the order of spans. They are few, and mostly the rows are, too.
    private ReadOnlySpan<int> ByTime(SpanBatch batch, ReadOnlySpan<int> rows, int most)
    {
        most = Math.Min(most, rows.Length);
        GrowableArray.Reserve(ref _listed, rows.Length);
        var listed = _listed.AsSpan(0, rows.Length);
        rows.CopyTo(listed);
        if (most > 8)
        {
            listed.Sort((a, b) => Compare(batch, a, b));
            return listed[..most];
        }

        var count = 0;
        foreach (var row in rows)
        {
            var place = count;
            while (place > 0 && Compare(batch, row, listed[place - 1]) < 0) place--;
            if (place == most) continue;
            var end = Math.Min(count, most - 1);
            listed[place..end].CopyTo(listed[(place + 1)..]);
            listed[place] = row;
            if (count < most) count++;
        }

        return listed[..count];
    }

    /// <summary>The order in which <see cref="OrderedTrace"/> has the spans of a trace, which are no duplicates of each other.</summary>
    private static int Compare(SpanBatch batch, int a, int b)
    {
        var order = batch.StartUnixNano[a].CompareTo(batch.StartUnixNano[b]);
        if (order == 0) order = batch.SpanId[a].CompareTo(batch.SpanId[b]);
        return order != 0 ? order : batch.Kind[a].CompareTo(batch.Kind[b]);
    }
}
