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
public sealed class SharedSpanIds
{
    private readonly OrderedTrace _trace;
    private readonly Dictionary<int, ulong> _newIds = [];

    private SharedSpanIds(OrderedTrace trace) => _trace = trace;

    /// <summary>Null where no id is shared: nearly every trace.</summary>
    public static SharedSpanIds? Of(OrderedTrace trace)
    {
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

    /// <summary>Id of span i.</summary>
    public ulong SpanId(int i) => _newIds.TryGetValue(i, out var id) ? id : IdOf(_trace, i);

    /// <summary>Parent id of span i, 0 for none.</summary>
    public ulong ParentSpanId(int i)
    {
        var parent = _trace.ParentIndex[i];
        return parent >= 0 ? SpanId(parent) : _trace.Batch(i).ParentSpanId[_trace.Spans[i].Span];
    }

    private static ulong IdOf(OrderedTrace trace, int i) => trace.Batch(i).SpanId[trace.Spans[i].Span];

    private static HashSet<ulong> AllIds(OrderedTrace trace)
    {
        var ids = new HashSet<ulong>(trace.SpanCount);
        for (var i = 0; i < trace.SpanCount; i++) ids.Add(IdOf(trace, i));
        return ids;
    }
}
