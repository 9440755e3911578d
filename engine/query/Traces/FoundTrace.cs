using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// A trace that was looked for by its id, whole and ordered, to be written in parts of OTLP bytes: a trace of a million
/// spans never stands in memory twice. Not thread safe; good as long as its sources are held.
/// </summary>
public sealed class FoundTrace
{
    private readonly OrderedTrace? _trace;
    private readonly SharedSpanIds? _ids;
    private bool[]? _kept;
    private int _next;

    /// <param name="trace">Complete; null if there is none.</param>
    /// <param name="inspectedBytes">See <see cref="InspectedBytes"/>.</param>
    /// <param name="damage">See <see cref="Damage"/>.</param>
    public FoundTrace(OrderedTrace? trace, ulong inspectedBytes, string damage)
    {
        _trace = trace;
        _ids = trace is null ? null : SharedSpanIds.Of(trace);
        SpanCount = trace?.SpanCount ?? 0;
        InspectedBytes = inspectedBytes;
        Damage = damage;
    }

    /// <summary>Spans that are written: all, or those that a filter kept.</summary>
    public int SpanCount { get; private set; }

    /// <summary>Block bytes that were read.</summary>
    public ulong InspectedBytes { get; }

    /// <summary>What could not be read; empty if nothing.</summary>
    public string Damage { get; }

    /// <summary>Everything was written.</summary>
    public bool IsAtEnd => _trace is null || _next == _trace.SpanCount;

    /// <summary>Leaves only the spans that a filter keeps; true if some are left out. Before the first part.</summary>
    public bool Keep(TraceFilter filter)
    {
        if (_trace is null) return false;
        _kept = filter.Apply(_trace);
        SpanCount = _kept.AsSpan(0, _trace.SpanCount).Count(true);
        return SpanCount < _trace.SpanCount;
    }

    /// <summary>
    /// Appends the next part, of about <paramref name="maxBytes"/>: fields of a TracesData, and of a tempopb.Trace, which all
    /// parts one after the other make up.
    /// </summary>
    public void WritePart(NativeBuffer output, int maxBytes)
    {
        if (_trace is not null) _next = OtlpTraceWriter.WritePart(_trace, _next, maxBytes, _kept, _ids, output);
    }
}
