using System.Runtime.InteropServices;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Operators.Rows;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Answers from the page that was scanned, for queries that filters decide and where spans stand to each other (<c>{ … }</c>,
/// <c>{ … } &gt;&gt; { … }</c>, one after the other, with select() and count() behind them) and traces that lie in the page's block alone:
/// the spans that were chosen are the answer, and nothing has to be put together.
/// Says of a trace exactly what is said of it when it is. One thread's.
/// </summary>
internal sealed class PageAnswers
{
    private readonly BatchColumns _columns;
    private readonly TraceDescriber _describer;
    private readonly IReadOnlyList<ScalarFilter> _counts;
    private readonly string[] _countNames;
    private readonly FieldAttributes _fields;
    private int[] _firstOf = [];
    private int[] _countOf = [];
    private int[] _listed = [];
    private readonly RowSelector? _selector;
    private int[] _selected = [];
    private int[] _rows = [];
    private int _rowCount;
    private int _filling = -1;
    private SpanBatch? _batch;

    private PageAnswers(TraceNeeds needs, TraceDescriber describer, IReadOnlyList<ScalarFilter> counts, RowSelector? selector)
    {
        _selector = selector;
        (_describer, _counts) = (describer, counts);
        _countNames = [.. counts.Select(static filter => filter.Left.ToString())];
        _fields = new FieldAttributes(needs.Fields);
        _columns = FieldColumns.WithoutAttributes(needs.Fields) | BatchColumns.Times | BatchColumns.OwnSpanIds | BatchColumns.Roots
            | BatchColumns.ResourceServiceNames;
    }

    /// <summary>Null if the query needs whole traces.</summary>
    public static PageAnswers? TryCreate(PipelineExpression? query, SearchPlan plan, TraceDescriber describer, KernelKind kernel)
    {
        if (query is not Pipeline pipeline || pipeline.Stages[0] is not SpansetExpression) return null;
        // A link may make a child of a span without a parent; who reads links sees it.
        if (plan.Needs.Fields.Any(
            static field => FieldReader.IsOfTrace(field) || field.Scope == TraceQL.Ast.AttributeScope.Link
                || field.Intrinsic is Intrinsic.LinkSpanId or Intrinsic.LinkTraceId))
            return null;
        // As long as nothing parts the spans of a trace, they are one set, which coalesce() leaves as it is.
        var chain = pipeline.Stages.TakeWhile(static stage => stage is SpansetExpression or Select or Coalesce).ToList();
        List<SpansetExpression> spansets = [.. chain.OfType<SpansetExpression>()];
        var rest = pipeline.Stages.Skip(chain.Count).ToList();
        if (!rest.TrueForAll(static stage => stage is Select or ScalarFilter { Left: Aggregate { Operand: null }, Right: ScalarLiteral }))
            return null;
        // What was scanned for is the filter itself, or something that only leads to traces worth looking at.
        var isScanned = spansets is [SpansetFilter filter] && plan.Candidates.IsExact && CandidateFilter.Of(pipeline) == filter.Condition;
        var selector = isScanned ? null : RowSelector.TryCompile(spansets, kernel);
        return isScanned || selector is not null
            ? new PageAnswers(plan.Needs, describer, [.. rest.OfType<ScalarFilter>()], selector)
            : null;
    }

    /// <summary>From now on choosing ends, within a millisecond or so, when this is cancelled.</summary>
    public void Watch(CancellationToken cancellation) => _selector?.Watch(cancellation);

    /// <summary>
    /// Takes the rows that were scanned for on a page, ascending; good until the page is filled again, or those rows change. False if
    /// the page cannot answer.
    /// </summary>
    public bool TryBegin(SpanBatch batch, int[] scanned, int count)
    {
        (_batch, _filling) = (batch, -1);
        if (_selector is null) (_rows, _rowCount) = (scanned, count);
        else if (!TrySelect(batch, _selector)) return false;
        GrowableArray.Reserve(ref _firstOf, batch.TraceCount);
        GrowableArray.Reserve(ref _countOf, batch.TraceCount);
        _countOf.AsSpan(0, batch.TraceCount).Clear();
        for (var i = 0; i < _rowCount; i++)
        {
            var trace = batch.Trace[_rows[i]];
            if (_countOf[trace]++ == 0) _firstOf[trace] = i;
        }

        return true;
    }

    private bool TrySelect(SpanBatch batch, RowSelector selector)
    {
        using var marks = FilterScope.Rent(batch.SpanCount);
        if (!selector.TryMark(batch, [], marks.Bits)) return false;
        GrowableArray.Reserve(ref _selected, batch.SpanCount);
        (_rows, _rowCount) = (_selected, Bitmap.ToRows(marks.Bits, _selected));
        return true;
    }

    /// <summary>The answer for a trace of the page; null if it does not match.</summary>
    public TraceSearchResult? Answer(int trace, int spansPerSpanSet)
    {
        var batch = _batch!;
        var count = _countOf[trace];
        if (count == 0) return null;
        AttributeResult[] attributes = _counts.Count == 0 ? [] : new AttributeResult[_counts.Count];
        for (var i = 0; i < attributes.Length; i++)
        {
            var filter = _counts[i];
            if (!TraceQlArithmetic.Compare(filter.Op, TraceQlValue.Int(count), ((ScalarLiteral)filter.Right).Value)) return null;
            attributes[i] = new AttributeResult(_countNames[i], ShownValue.Of(TraceQlValue.Int(count)));
        }

        Load(batch);
        var found = _rows.AsSpan(_firstOf[trace], count);
        var (first, end) = (found[0], found[^1] + 1);
        while (first > 0 && batch.Trace[first - 1] == trace) first--;
        while (end < batch.SpanCount && batch.Trace[end] == trace) end++;
        var set = _describer.DescribeSet(batch, ByTime(batch, found, spansPerSpanSet), count, attributes);
        return _describer.Describe(batch, trace, HasRoot(batch, trace, first, end), [set], _describer.ServiceStats(batch, first, end));
    }

    private void Load(SpanBatch batch)
    {
        if (_filling == batch.Filling) return;
        batch.Require(_columns);
        _fields.LoadInto(batch);
        _filling = batch.Filling;
    }

    // The block has empty names for a trace without a root, and for a root without names.
    private static bool HasRoot(SpanBatch batch, int trace, int first, int end)
    {
        if (!batch.RootName[trace].IsEmpty || !batch.RootServiceName[trace].IsEmpty) return true;
        batch.Require(BatchColumns.SpanIds);
        return batch.ParentSpanId.AsSpan(first, end - first).Contains(0UL);
    }

    // The first rows in the order of spans. They are few, and mostly the rows are, too.
    private ReadOnlySpan<int> ByTime(SpanBatch batch, ReadOnlySpan<int> rows, int most)
    {
        most = Math.Min(most, rows.Length);
        if (most == 1) return First(batch, rows);
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

    private static ReadOnlySpan<int> First(SpanBatch batch, ReadOnlySpan<int> rows)
    {
        var starts = batch.StartUnixNano;
        var first = 0;
        for (var i = 1; i < rows.Length; i++)
            if (starts[rows[i]] < starts[rows[first]] || starts[rows[i]] == starts[rows[first]] && Compare(batch, rows[i], rows[first]) < 0)
                first = i;
        return rows.Slice(first, 1);
    }

    /// <summary>The order in which <see cref="OrderedTrace"/> has the spans of a trace, which are no duplicates of each other.</summary>
    private static int Compare(SpanBatch batch, int a, int b)
    {
        var order = batch.StartUnixNano[a].CompareTo(batch.StartUnixNano[b]);
        if (order == 0) order = batch.SpanId[a].CompareTo(batch.SpanId[b]);
        if (order != 0) return order;
        batch.Require(BatchColumns.Kind);
        return batch.Kind[a].CompareTo(batch.Kind[b]);
    }
}
