using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>What a relation writes on while it is computed: one entry per span of the trace, used again for the next.</summary>
internal sealed class RelationMarks
{
    private bool[] _given = [];
    private bool[] _related = [];
    private int[] _numbers = [];
    private int _spanCount;

    /// <summary>Is it one of the spans that the relation is asked of?</summary>
    public ReadOnlySpan<bool> Given => _given.AsSpan(0, _spanCount);

    /// <summary>Does it stand in the relation to one of them?</summary>
    public Span<bool> Related => _related.AsSpan(0, _spanCount);

    /// <summary>Finds all spans that stand in the relation to one of <paramref name="spans"/>.</summary>
    public void MarkRelated(OrderedTrace trace, SpanRelation relation, List<int> spans)
    {
        _spanCount = trace.SpanCount;
        GrowableArray.Reserve(ref _given, _spanCount);
        GrowableArray.Reserve(ref _related, _spanCount);
        _given.AsSpan(0, _spanCount).Clear();
        _related.AsSpan(0, _spanCount).Clear();
        foreach (var span in spans) _given[span] = true;
        relation.Mark(trace, spans, this);
    }

    /// <summary>Zeros for a relation's own use.</summary>
    public Span<int> Numbers(int count)
    {
        GrowableArray.Reserve(ref _numbers, count);
        var numbers = _numbers.AsSpan(0, count);
        numbers.Clear();
        return numbers;
    }
}
