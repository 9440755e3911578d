namespace Tempo.Engine.Query;

/// <summary>
/// Series over a range (tempopb.QueryRangeResponse): by number of labels, then by labels. The same query on the same data
/// gives the same answer.
/// </summary>
public sealed class QueryRangeResult
{
    public List<TimeSeriesResult> Series { get; } = [];
    public SearchMetrics Metrics { get; init; } = new();

    /// <summary>The answer is not whole; <see cref="Message"/> says why.</summary>
    public bool IsPartial => Message.Length > 0;

    public string Message { get; init; } = "";

    /// <summary>For <c>with(explain=true)</c>: what was done, and what was read and skipped, in lines. Null if nobody asked.</summary>
    public string? Explanation { get; init; }
}

/// <summary>One series (tempopb.TimeSeries).</summary>
public sealed class TimeSeriesResult
{
    /// <summary>Values are string, long, double or bool.</summary>
    public required IReadOnlyList<AttributeResult> Labels { get; init; }

    /// <summary>Ascending in time; a timestamp without a value is left out, a zero is there.</summary>
    public List<SampleResult> Samples { get; } = [];

    /// <summary>Ascending in time.</summary>
    public List<ExemplarResult> Exemplars { get; } = [];
}

/// <summary>A value of a series (tempopb.Sample): of the spans that start in the step that ends at the timestamp.</summary>
public readonly record struct SampleResult(long TimestampMs, double Value);

/// <summary>A span that stands for those counted (tempopb.Exemplar); its labels name the trace as <c>trace:id</c>.</summary>
public sealed record ExemplarResult(IReadOnlyList<AttributeResult> Labels, double Value, long TimestampMs);

/// <summary>One value a series (tempopb.QueryInstantResponse), in the order of <see cref="QueryRangeResult"/>.</summary>
public sealed class QueryInstantResult
{
    public List<InstantSeriesResult> Series { get; } = [];
    public SearchMetrics Metrics { get; init; } = new();

    /// <summary>The answer is not whole; <see cref="Message"/> says why.</summary>
    public bool IsPartial => Message.Length > 0;

    public string Message { get; init; } = "";

    /// <summary>For <c>with(explain=true)</c>: what was done, and what was read and skipped, in lines. Null if nobody asked.</summary>
    public string? Explanation { get; init; }
}

/// <summary>One series (tempopb.InstantSeries).</summary>
public sealed record InstantSeriesResult(IReadOnlyList<AttributeResult> Labels, double Value);
