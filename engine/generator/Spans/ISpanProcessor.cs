using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// Makes series of spans. Calls come under the tenant's lock: <see cref="OnResource"/>, then <see cref="OnSpan"/> for its
/// spans, then the next resource; <see cref="OnCollect"/> before each collection.
/// </summary>
internal interface ISpanProcessor
{
    IReadOnlyList<SeriesTable> Tables { get; }

    /// <summary>A resource's attributes are in <see cref="CurrentSpan.Resource"/>.</summary>
    void OnResource(CurrentSpan current);

    void OnSpan(CurrentSpan current, in SpanFields span);

    /// <summary>Time passes: what waits for it is looked at. True: there is more of it, call again when requests had their turn.</summary>
    bool OnCollect(long nowUnixMs);
}

/// <summary>What the walk over a request has gathered for the span that it has reached.</summary>
internal sealed class CurrentSpan
{
    public AttributeCapture Resource { get; } = new();

    public AttributeCapture Span { get; } = new();

    /// <summary>All attributes of the resource, for who wants them all; else null.</summary>
    public ResourceLabels? AllOfResource { get; set; }

    public long NowUnixMs { get; set; }

    public TraceId TraceId { get; set; }

    public ulong SpanId { get; set; }

    /// <summary>0: a root span.</summary>
    public ulong ParentSpanId { get; set; }

    public double DurationSeconds { get; set; }

    /// <summary>Set by the processor that could not take the span.</summary>
    public Discards Discards { get; } = new();
}

/// <summary>Spans that were not counted, by reason; read and cleared with the self metrics. Guarded by the tenant's lock.</summary>
internal sealed class Discards
{
    public long OutsideSlack;
    public long Duplicate;
    public long SpanMetricsFiltered;

    /// <summary>No discards: spans whose name was replaced by its template, or would have been.</summary>
    public long SpanNamesSanitized;
    public long ServiceGraphsFiltered;
    public long SpanMetricsNotText;
    public long HostInfoNotText;
}
