using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query;

/// <summary>The answer of a search: traces newest first, ties by trace id.</summary>
public sealed class SearchResult
{
    public List<TraceSearchResult> Traces { get; } = [];
    public SearchMetrics Metrics { get; init; } = new();

    /// <summary>Of a page: all traces that match. -1 where nobody asked.</summary>
    public long Total { get; init; } = -1;

    /// <summary>Of a page: the cursor of the next one, empty if there is none.</summary>
    public string NextCursor { get; set; } = "";

    /// <summary>What could not be read; empty if the answer is complete.</summary>
    public string Message { get; init; } = "";

    /// <summary>It had read <see cref="SearchOptions.AloneBytes"/> and was not at its end: this is no answer.</summary>
    public bool IsUnfinished { get; init; }

    /// <summary>For <c>with(explain=true)</c>: the plan, and what was read and skipped, in lines. Null if nobody asked.</summary>
    public string? Explanation { get; init; }
}

/// <summary>What was looked at (tempopb.SearchMetrics).</summary>
public sealed class SearchMetrics
{
    public uint InspectedTraces { get; set; }
    public ulong InspectedBytes { get; set; }
    public uint TotalBlocks { get; set; }
    public uint CompletedJobs { get; set; }
    public uint TotalJobs { get; set; }
    public ulong TotalBlockBytes { get; set; }
    public ulong InspectedSpans { get; set; }

    /// <summary>Adds what was looked at for another slice of the same query: the blocks of all slices are the same ones.</summary>
    public void AddSlice(SearchMetrics other)
    {
        (InspectedTraces, InspectedBytes, InspectedSpans) =
            (InspectedTraces + other.InspectedTraces, InspectedBytes + other.InspectedBytes, InspectedSpans + other.InspectedSpans);
        (CompletedJobs, TotalJobs) = (CompletedJobs + other.CompletedJobs, TotalJobs + other.TotalJobs);
        (TotalBlocks, TotalBlockBytes) = (Math.Max(TotalBlocks, other.TotalBlocks), Math.Max(TotalBlockBytes, other.TotalBlockBytes));
    }

    /// <summary>The values of this moment.</summary>
    public SearchMetrics Copy() => (SearchMetrics)MemberwiseClone();
}

/// <summary>One trace of a search answer (tempopb.TraceSearchMetadata).</summary>
public sealed class TraceSearchResult
{
    public required TraceId TraceId { get; init; }

    /// <summary>Service of the root span; null when no root span is known.</summary>
    public string? RootServiceName { get; init; }
    public string? RootTraceName { get; init; }
    public required ulong StartTimeUnixNano { get; init; }
    public required uint DurationMs { get; init; }

    /// <summary>The same in nanoseconds, for ordering.</summary>
    public ulong DurationNano { get; init; }

    /// <summary>Empty when the query was empty.</summary>
    public SpanSetResult[] SpanSets { get; init; } = [];

    /// <summary>Ascending by name, ordinal.</summary>
    public ServiceStatsResult[] ServiceStats { get; init; } = [];
}

/// <summary>Spans and errors of one service in a trace.</summary>
public readonly record struct ServiceStatsResult(string ServiceName, uint SpanCount, uint ErrorCount);

/// <summary>The spans of a trace that matched together (tempopb.SpanSet).</summary>
public sealed class SpanSetResult
{
    public SpanResult[] Spans { get; init; } = [];

    /// <summary>Matches before the cut to <see cref="SearchRequest.SpansPerSpanSet"/>.</summary>
    public uint Matched { get; init; }
    public AttributeResult[] Attributes { get; init; } = [];
}

/// <summary>One span of a span set (tempopb.Span).</summary>
public sealed class SpanResult
{
    public required SpanId SpanId { get; init; }

    /// <summary>Null = not written (the query does not touch the name).</summary>
    public string? Name { get; init; }
    public required ulong StartTimeUnixNano { get; init; }
    public required ulong DurationNanos { get; init; }
    public AttributeResult[] Attributes { get; init; } = [];
}

/// <summary>A key and a value: a string, long, double or bool, or an array (object[]) of one of them.</summary>
public readonly record struct AttributeResult(string Key, object Value);
