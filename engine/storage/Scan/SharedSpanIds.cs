namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Gives the server's half of a Zipkin span, which has the id of the client's half, an id of its own, so that clients that
/// know spans by their ids see both: the smallest number that is no id of the trace. Its parent is the client's half, and
/// its children get the new id as their parent's. Tempo answers a trace by id so.
/// <code>
/// CLIENT aa              CLIENT aa
/// SERVER aa          →   SERVER 01   parent aa
/// child     parent aa    child       parent 01
/// </code>
/// </summary>
public sealed class SharedSpanIds : ISpanIds
{
    private readonly OrderedTrace _trace;
    private readonly Dictionary<int, ulong> _newIds = [];

    private SharedSpanIds(OrderedTrace trace) => _trace = trace;

    /// <summary>Null where no id is shared: nearly every trace.</summary>
    public static SharedSpanIds? Of(OrderedTrace trace)
    {
        if (!trace.HasSharedIds) return null;
        SharedSpanIds? shared = null;
        HashSet<ulong>? taken = null;
        var last = 0UL;
        for (var i = 0; i < trace.SpanCount; i++)
        {
            var parent = trace.ParentIndex[i];
            if (parent < 0 || IdOf(trace, parent) != IdOf(trace, i)) continue;
            shared ??= new SharedSpanIds(trace);
            taken ??= AllIds(trace);
            do last++;
            while (taken.Contains(last));
            shared._newIds.Add(i, last);
        }

        return shared;
    }

    public (ulong Id, ulong Parent) Of(OrderedTrace trace, int i)
    {
        var parent = trace.ParentIndex[i];
        return (SpanId(i), parent >= 0 ? SpanId(parent) : trace.Batch(i).ParentSpanId[trace.Spans[i].Span]);
    }

    private ulong SpanId(int i) => _newIds.TryGetValue(i, out var id) ? id : IdOf(_trace, i);

    private static ulong IdOf(OrderedTrace trace, int i) => trace.Batch(i).SpanId[trace.Spans[i].Span];

    private static HashSet<ulong> AllIds(OrderedTrace trace)
    {
        var ids = new HashSet<ulong>(trace.SpanCount);
        for (var i = 0; i < trace.SpanCount; i++) ids.Add(IdOf(trace, i));
        return ids;
    }
}
