using System.Runtime.ExceptionServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// One whole trace, its spans taken from any number of batches: duplicates removed, equal resources and scopes brought
/// together, spans by start time, the tree numbered. What is written to a block, answered by id and given to a query is
/// this, so all three agree. Reused from trace to trace: no allocation in the steady state.
/// <code>
/// 1  Add      (batch, span) references, in any order
/// 2  Complete sort by start (ties: span id, kind, longest first)
///             keep the first of each (span id, kind): client retries, replicas, data that is in two places
///             group by resource, then scope, each in order of first appearance
///             number the tree depth first (storage specification §4.7), once it is asked for
/// </code>
/// </summary>
public sealed class OrderedTrace(SpanContext context)
{
    /// <summary>An entry of <see cref="Starts"/>: the span is the first of its ScopeSpans.</summary>
    public const byte StartsScope = 1;

    /// <summary>An entry of <see cref="Starts"/>: the span is the first of its ResourceSpans, and so of its ScopeSpans.</summary>
    public const byte StartsResource = 2;

    /// <summary>Room of one that is worth keeping: twice the spans of a trace that is brought together in memory.</summary>
    private const int MaxOrdinarySpans = 64 * 1024;

    private readonly SpanTree _tree = new();
    private readonly StartOrder _startOrder = new();
    private bool _isTreeWanted; // the spans are complete, and their tree is numbered when somebody asks for it
    private SpanRef[] _added = [];
    private int _addedCount;
    private ulong[] _starts = [];
    private int[] _order = [];
    private readonly StableGrouping _byResource = new();
    private readonly StableGrouping _byScope = new();
    private Comparison<int>? _compareTies;
    private int[] _keys = [];
    private int[] _grouped = [];

    /// <summary>One with a context of its own.</summary>
    public OrderedTrace() : this(new SpanContext())
    {
    }

    public TraceId Id { get; private set; }

    /// <summary>Spans after duplicates are gone; the arrays below have this many entries.</summary>
    public int SpanCount { get; private set; }

    /// <summary>Spans that were dropped as duplicates.</summary>
    public int DuplicateCount { get; private set; }
    public SpanRef[] Spans { get; private set; } = [];

    /// <summary>Span i starts a new ResourceSpans or ScopeSpans, or goes on (0).</summary>
    public byte[] Starts { get; private set; } = [];
    public ReadOnlySpan<int> Left => Tree.Left;
    public ReadOnlySpan<int> Right => Tree.Right;
    public ReadOnlySpan<int> Parent => Tree.Parent;
    public ReadOnlySpan<int> ChildCount => Tree.ChildCount;

    /// <summary>Index of the parent span in <see cref="Spans"/>, -1 for a root, -2 where it is not in the trace.</summary>
    public ReadOnlySpan<int> ParentIndex => Tree.ParentIndex;

    /// <summary>Some id stands twice, as those of the two halves of a Zipkin span do.</summary>
    public bool HasSharedIds => _tree.HasSharedIds;

    public ulong StartUnixNano { get; private set; }
    public ulong EndUnixNano { get; private set; }

    /// <summary>Index of the root span: the last to start of those without a parent; -1 if there is none.</summary>
    public int Root { get; private set; }

    /// <summary>Nothing was added since <see cref="Begin"/>.</summary>
    public bool IsEmpty => _addedCount == 0;

    /// <summary>The batch of span i.</summary>
    public SpanBatch Batch(int i) => context[Spans[i].Batch];

    public SpanContext Context => context;

    public void Begin(TraceId id)
    {
        Id = id;
        _isTreeWanted = false;
        _addedCount = 0;
        SpanCount = 0;
    }

    public void Add(SpanRef span)
    {
        GrowableArray.Reserve(ref _added, _addedCount + 1);
        _added[_addedCount++] = span;
    }

    /// <summary>Spans of a batch that lie together.</summary>
    public void AddRange(int batch, int first, int count)
    {
        GrowableArray.Reserve(ref _added, _addedCount + count);
        var added = _added.AsSpan(_addedCount, count);
        for (var i = 0; i < added.Length; i++) added[i] = new SpanRef(batch, first + i);
        _addedCount += count;
    }

    /// <summary>Forgets the trace and the batches, and keeps the memory. Nobody may be reading.</summary>
    public void Release()
    {
        Begin(default);
        context.Clear();
    }

    /// <summary>Its memory is no more than that of an ordinary trace: it is worth keeping.</summary>
    public bool IsOrdinary => _added.Length <= MaxOrdinarySpans && _starts.Length <= MaxOrdinarySpans;

    /// <summary>Everything was added: orders, removes duplicates, numbers the tree.</summary>
    public void Complete()
    {
        CompleteGroups();
        _isTreeWanted = true;
    }

    /// <summary>The same without the tree's numbers, for a part of a trace, which has none.</summary>
    public void CompleteGroups()
    {
        Reserve(_addedCount);
        SortByStart();
        var kept = _tree.RemoveDuplicates(context, _added, _order.AsSpan(0, _addedCount));
        DuplicateCount = _addedCount - kept;
        SpanCount = kept;
        Group(kept);
        FindBoundsAndRoot();
    }

    /// <summary>
    /// The same without groups: spans by start time, each as if it had a resource of its own; with the tree only if it is wanted.
    /// For queries, which do not ask what resources have in common, and need not read them for it.
    /// </summary>
    public void CompleteByTime(bool numberTree)
    {
        Reserve(_addedCount);
        SortByStart();
        var kept = _tree.RemoveDuplicates(context, _added, _order.AsSpan(0, _addedCount));
        DuplicateCount = _addedCount - kept;
        SpanCount = kept;
        for (var i = 0; i < kept; i++) Spans[i] = _added[_order[i]];
        Starts.AsSpan(0, kept).Fill(StartsResource);
        FindBoundsAndRoot();
        _isTreeWanted = numberTree;
    }

    // Answers by id ask for it only where ids are shared.
    private SpanTree Tree
    {
        get
        {
            if (!_isTreeWanted) return _tree;
            _isTreeWanted = false;
            _tree.Number(context, Spans.AsSpan(0, SpanCount));
            return _tree;
        }
    }

    private void Reserve(int count)
    {
        if (_starts.Length >= count) return;
        GrowableArray.Reserve(ref _starts, count);
        GrowableArray.Reserve(ref _order, _starts.Length);
        GrowableArray.Reserve(ref _keys, _starts.Length);
        GrowableArray.Reserve(ref _grouped, _starts.Length);
        Spans = new SpanRef[_starts.Length];
        Starts = new byte[_starts.Length];
    }

    private void SortByStart()
    {
        for (var i = 0; i < _addedCount; i++)
        {
            _starts[i] = context[_added[i].Batch].StartUnixNano[_added[i].Span];
            _order[i] = i;
        }

        _startOrder.Sort(_starts, _order, _addedCount);
        for (var i = 1; i < _addedCount; i++)
        {
            if (_starts[i] != _starts[i - 1]) continue;
            var from = i - 1;
            while (i < _addedCount && _starts[i] == _starts[from]) i++;
            SortTies(_order.AsSpan(from, i - from));
        }
    }

    // The names that ties may have to be told apart by are read when they are asked for, and a sort wraps what its comparison throws.
    private void SortTies(Span<int> ties)
    {
        try
        {
            ties.Sort(_compareTies ??= CompareTies);
        }
        catch (InvalidOperationException e) when (e.InnerException is BlockReadException damage)
        {
            ExceptionDispatchInfo.Throw(damage);
        }
    }

    // Equal starts: by span id and kind, so that the order does not depend on where the spans came from. Of duplicates the
    // longest comes first and is kept: a span that was sent unfinished and then again is kept as finished. What differs in
    // nothing but its content is decided by the content, for a cut must not change which of them is shown.
    private int CompareTies(int a, int b)
    {
        var (x, i) = (context[_added[a].Batch], _added[a].Span);
        var (y, j) = (context[_added[b].Batch], _added[b].Span);
        var order = x.SpanId[i].CompareTo(y.SpanId[j]);
        if (order == 0) order = x.Kind[i].CompareTo(y.Kind[j]);
        if (order == 0) order = y.DurationNano[j].CompareTo(x.DurationNano[i]);
        if (order == 0) order = CompareContent(x, i, y, j);
        return order != 0 ? order : a.CompareTo(b);
    }

    /// <summary>
    /// Whether neither of two spans of one trace comes before the other by what they are: then it is the one that was added first that is
    /// kept. They are copies, or differ in nothing by which duplicates are told apart. Needs ids, times, kinds and names.
    /// </summary>
    public static bool AreCopies(SpanBatch x, int i, SpanBatch y, int j) =>
        x.SpanId[i] == y.SpanId[j] && x.Kind[i] == y.Kind[j] && x.StartUnixNano[i] == y.StartUnixNano[j]
            && x.DurationNano[i] == y.DurationNano[j] && CompareContent(x, i, y, j) == 0;

    // A failed one first, then by name. A reader that did not ask for a column cannot see the difference.
    private static int CompareContent(SpanBatch x, int i, SpanBatch y, int j)
    {
        var order = (y.Status[j] & SpanBatch.StatusCodeMask).CompareTo(x.Status[i] & SpanBatch.StatusCodeMask);
        if (order != 0) return order;
        x.Require(BatchColumns.Name);
        y.Require(BatchColumns.Name);
        return x.Name.Codes.Length > i && y.Name.Codes.Length > j ? x.Name[i].SequenceCompareTo(y.Name[j]) : 0;
    }

    // By resource, then by scope within each resource; the spans of a group stay in start order.
    private void Group(int count)
    {
        for (var i = 0; i < count; i++) _keys[i] = context.ResourceOf(_added[_order[i]]);
        _byResource.Group(_order.AsSpan(0, count), _keys, _grouped);
        Starts.AsSpan(0, count).Clear();
        var start = 0;
        foreach (var end in _byResource.Ends)
        {
            var length = end - start;
            for (var i = start; i < end; i++) _keys[i] = context.ScopeOf(_added[_grouped[i]]);
            _byScope.Group(_grouped.AsSpan(start, length), _keys.AsSpan(start, length), _order.AsSpan(start, length));
            foreach (var scopeEnd in _byScope.Ends[..^1]) Starts[start + scopeEnd] = StartsScope;
            Starts[start] = StartsResource;
            start = end;
        }

        for (var i = 0; i < count; i++) Spans[i] = _added[_order[i]];
    }

    private void FindBoundsAndRoot()
    {
        StartUnixNano = ulong.MaxValue;
        EndUnixNano = 0;
        Root = -1;
        var rootStart = 0UL;
        for (var i = 0; i < SpanCount; i++)
        {
            var batch = Batch(i);
            var span = Spans[i].Span;
            var start = batch.StartUnixNano[span];
            var end = start + batch.DurationNano[span];
            if (start < StartUnixNano) StartUnixNano = start;
            if (end > EndUnixNano) EndUnixNano = end;
            if (batch.ParentSpanId[span] == 0 && (Root < 0 || start > rootStart || start == rootStart && IsAfter(batch, span, Root))
                && !IsChildByLink(batch, span))
            {
                Root = i;
                rootStart = start;
            }
        }
    }

    // Of equal starts the last by id and kind, in whatever order the spans are: so blocks, answers and traces by id name the same root.
    private bool IsAfter(SpanBatch batch, int span, int other)
    {
        var (of, row) = (Batch(other), Spans[other].Span);
        return batch.SpanId[span] != of.SpanId[row] ? batch.SpanId[span] > of.SpanId[row] : batch.Kind[span] > of.Kind[row];
    }

    // OpenTracing bridges put a span's parents into links; such a span is no root though it has no parent id.
    private bool IsChildByLink(SpanBatch batch, int span)
    {
        for (var link = batch.LinkStart[span]; link < batch.LinkStart[span + 1]; link++)
        {
            if (batch.Links.TraceId[link] != Id) continue;
            var attributes = batch.Links.Attributes;
            for (var i = batch.Links.AttributeStart[link]; i < batch.Links.AttributeStart[link + 1]; i++)
                if (attributes.Types[i] == AttributeType.String && attributes.Key(i).SequenceEqual("opentracing.ref_type"u8)
                    && attributes.String(i).SequenceEqual("child_of"u8))
                    return true;
        }

        return false;
    }
}

/// <summary>A span by its batch (an index into <see cref="SpanContext.Batches"/>) and its row there.</summary>
public readonly record struct SpanRef(int Batch, int Span);
