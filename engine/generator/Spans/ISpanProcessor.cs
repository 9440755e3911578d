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

    public ProcessorCounts Counts { get; } = new();
}

/// <summary>
/// What processors count besides series. The tenant's and not theirs, because a processor may begin anew where these may only grow.
/// Guarded by the tenant's lock.
/// </summary>
internal sealed class ProcessorCounts
{
    // Spans that were not counted.
    public long OutsideSlack;
    public long Duplicate;
    public long SpanMetricsFiltered;
    public long ServiceGraphsFiltered;
    public long SpanMetricsNotText;
    public long HostInfoNotText;

    /// <summary>Spans whose name was replaced by its template, or would have been.</summary>
    public long SpanNamesSanitized;

    /// <summary>Templates that were made, by their tokens.</summary>
    public long TemplatesMade;

    /// <summary>Names of which only the first tokens were looked at.</summary>
    public long NamesCutShort;

    /// <summary>Edges that began, with one side or with both.</summary>
    public long Edges;
    public long ExpiredEdges;

    /// <summary>Edges of which both sides came and a filter took one.</summary>
    public long FilteredEdges;

    /// <summary>Edges that could not be shown because a name is not UTF-8.</summary>
    public long EdgesNotText;

    /// <summary>Spans that found no room to wait for their partner.</summary>
    public long DroppedSpans;
}
