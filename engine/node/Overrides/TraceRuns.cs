using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Overrides;

/// <summary>Spans of one trace that stand next to each other in a request.</summary>
/// <param name="Id">Of the trace.</param>
/// <param name="Bytes">Of the span messages, and once of each resource and scope around them.</param>
/// <param name="Spans">Their number.</param>
public readonly record struct TraceRun(TraceId Id, long Bytes, int Spans);

/// <summary>The runs of one request in order. Used again and again; not thread safe.</summary>
public sealed class TraceRuns
{
    private TraceRun[] _runs = new TraceRun[16];
    private int _count;

    public ReadOnlySpan<TraceRun> All => _runs.AsSpan(0, _count);

    /// <summary>Adds a span: one comparison for the next span of the same trace.</summary>
    /// <param name="id">Of its trace.</param>
    /// <param name="bytes">Of the span.</param>
    /// <param name="aroundBytes">Of the resource and the scope around it, which a run begins with.</param>
    /// <param name="newAroundBytes">Of that what the span before was not in, which a run goes on with.</param>
    public void Add(TraceId id, int bytes, int aroundBytes, int newAroundBytes)
    {
        if (_count > 0 && _runs[_count - 1].Id == id)
        {
            ref var last = ref _runs[_count - 1];
            last = new TraceRun(id, last.Bytes + bytes + newAroundBytes, last.Spans + 1);
            return;
        }

        if (_count == _runs.Length) Array.Resize(ref _runs, _count * 2);
        _runs[_count++] = new TraceRun(id, (long)bytes + aroundBytes, 1);
    }

    public void Clear() => _count = 0;

    /// <summary>Small enough to be kept for the next request.</summary>
    internal bool IsOrdinary => _runs.Length <= 64 * 1024;
}
