using Tempo.Engine.Query.Metrics;

namespace Tempo.Engine.Query;

/// <summary>A TraceQL metrics query: a <see cref="QueryRangeRequest"/> or a <see cref="QueryInstantRequest"/>.</summary>
public abstract record MetricsRequest : QueryRequest
{
    private protected MetricsRequest() { }

    /// <summary>
    /// Unix nanoseconds. Of a range rounded down to a multiple of the step; a span that starts at exactly the start of an instant query is
    /// not counted. 0 is refused: "start required".
    /// </summary>
    public ulong StartUnixNano { get; init; }

    /// <summary>
    /// Unix nanoseconds. Of a range rounded up to a multiple of the step; a span that starts at exactly the end of an instant query is
    /// counted.
    /// </summary>
    public ulong EndUnixNano { get; init; }

    /// <summary>Most series in the answer; 0 = the limit. More than the limit is cut to it.</summary>
    public uint MaxSeries { get; init; }

    /// <summary>Hears how far the query has come; null: nobody watches.</summary>
    public QueryProgress? Progress { get; init; }

    /// <summary>Is given what has been counted so far; null: nobody watches.</summary>
    public IPartialSeries? Watcher { get; init; }

    /// <summary>What is to be done; null: no whole step of the range is left. Throws <see cref="QueryException"/>.</summary>
    internal abstract MetricsPlan? PlanOf(MetricsLimits limits, DateTimeOffset now);
}

/// <summary>One whose answer is a <typeparamref name="TResult"/>.</summary>
public abstract record MetricsRequest<TResult> : MetricsRequest
{
    private protected MetricsRequest() { }

    /// <summary>The answer, in the form in which it was asked for.</summary>
    internal abstract TResult ResultOf(MetricsAnswer answer);
}

/// <summary>A TraceQL metrics query over a range, as <c>/api/metrics/query_range</c> and gRPC ask for it.</summary>
public sealed record QueryRangeRequest : MetricsRequest<QueryRangeResult>
{
    /// <summary>Nanoseconds between two samples; 0 = chosen by the length of the range.</summary>
    public ulong StepNano { get; init; }

    /// <summary>Most exemplars; 0 = the limit's own number, more than that is cut to it. A hint of the query wins.</summary>
    public uint Exemplars { get; init; }

    internal override MetricsPlan? PlanOf(MetricsLimits limits, DateTimeOffset now)
    {
        var query = MetricsPlan.Parse(Query, limits, isInstant: false);
        if (RangeAlignment.OfRange(this, limits, now) is not { } axis) return null;
        var exemplars = Exemplars == 0 ? limits.MaxExemplars : (int)Math.Min(Exemplars, (uint)limits.MaxExemplars);
        return MetricsPlan.Create(query, MetricsOptions.Create(query, axis, exemplars, limits.MaxSeriesOf(MaxSeries), limits));
    }

    internal override QueryRangeResult ResultOf(MetricsAnswer answer) => answer.OfRange();
}

/// <summary>A TraceQL metrics query for one value a series, as <c>/api/metrics/query</c> and gRPC ask for it.</summary>
public sealed record QueryInstantRequest : MetricsRequest<QueryInstantResult>
{
    internal override MetricsPlan PlanOf(MetricsLimits limits, DateTimeOffset now)
    {
        var query = MetricsPlan.Parse(Query, limits, isInstant: true);
        var axis = RangeAlignment.OfInstant(this, limits, now);
        return MetricsPlan.Create(
            query, MetricsOptions.Create(query, axis, exemplars: 0, limits.MaxSeriesOf(MaxSeries), limits) with { MaxExemplars = 0 });
    }

    internal override QueryInstantResult ResultOf(MetricsAnswer answer) => answer.OfInstant();
}

/// <summary>
/// Limits of metrics queries (Tempo's <c>query_frontend.metrics</c>). What is beyond is refused, unless it says otherwise.
/// </summary>
public sealed record MetricsLimits
{
    /// <summary>Exemplars of an answer that asks for no number, and the most it can ask for (then cut).</summary>
    public int MaxExemplars { get; init; } = 100;

    /// <summary>Steps of a range.</summary>
    public int MaxIntervals { get; init; } = 10_000;

    /// <summary>Longest range of a range query; zero = no limit.</summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Series of an answer, which is then cut and marked as partial; 0 = no limit.</summary>
    public int MaxResponseSeries { get; init; }

    /// <summary>
    /// Samples of an answer, its series times its intervals: some 40 bytes each as text. Beyond: 422; 0 = no limit. A thousand series over
    /// a day by the minute are 1.4 million.
    /// </summary>
    public int MaxResponseSamples { get; init; } = 4_000_000;

    /// <summary>
    /// The newest spans that are left out. Zero here (Tempo: 30 s): a span can be counted the moment it is acknowledged.
    /// </summary>
    public TimeSpan QueryEndCutoff { get; init; } = TimeSpan.Zero;

    /// <summary>Bytes that the series of one query, and the trace ids it compares, may take while it runs; beyond: 422.</summary>
    public long MaxBytes { get; init; } = 512L << 20;

    /// <summary>What all queries share.</summary>
    public QueryMemory Memory { get; init; } = QueryMemory.OfProcess;

    /// <summary>
    /// Different attributes that one compare() may meet: each is two or more series of its answer. Beyond: 422, before more memory is
    /// taken. One span may carry a hundred thousand.
    /// </summary>
    public int MaxComparedAttributes { get; init; } = 10_000;

    /// <summary>The inner loops of the scan.</summary>
    public Kernels.KernelKind Kernel { get; init; } = Kernels.KernelChoice.Current;

    /// <summary>Longest query text in UTF-8 bytes.</summary>
    public int MaxQueryBytes { get; init; } = 131_072;
    /// <summary>Series of an answer whose request asks for so many; 0 = no limit.</summary>
    internal int MaxSeriesOf(uint asked) =>
        asked == 0 || MaxResponseSeries > 0 && asked > (uint)MaxResponseSeries ? MaxResponseSeries : (int)Math.Min(asked, int.MaxValue);
}
