namespace Tempo.Engine.Query;

/// <summary>
/// A search, as the HTTP and gRPC APIs ask for it. Limits on the numbers are the API's; the engine allocates by results only.
/// </summary>
public sealed record SearchRequest : QueryRequest
{
    /// <summary>Unix seconds: traces that end before this are left out; 0 = no bound.</summary>
    public uint StartSeconds { get; init; }

    /// <summary>
    /// Unix seconds: traces that start after this are left out; 0 = no bound, and so is the largest number, of February 2106: what is later
    /// could not be asked for otherwise.
    /// </summary>
    public uint EndSeconds { get; init; }

    /// <summary>However late a trace is.</summary>
    public bool HasNoEnd => EndSeconds is 0 or uint.MaxValue;

    /// <summary>Most traces in the answer (the newest by start time).</summary>
    public int Limit { get; init; } = 20;

    /// <summary>Most spans listed per span set; <see cref="SpanSetResult.Matched"/> counts all.</summary>
    public int SpansPerSpanSet { get; init; } = 3;

    /// <summary>Legacy search: the trace must last at least this long; 0 = no bound.</summary>
    public long MinDurationNano { get; init; }

    /// <summary>Legacy search: the trace must last at most this long; 0 = no bound.</summary>
    public long MaxDurationNano { get; init; }

    /// <summary>
    /// Null: the answer is no page of a longer one, and nobody counts all matches. "": the first page. Else the cursor that the
    /// page before gave. A cursor in the query's hints counts where this is null.
    /// </summary>
    public string? Cursor { get; init; }

    /// <summary>Hears of the search while it runs; null: nobody asks.</summary>
    public ISearchProgress? Progress { get; init; }
}
