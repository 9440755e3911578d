using Tempo.Engine.Query.Search;

namespace Tempo.Engine.Query.Tags;

/// <summary>Which names of attributes there are, as the HTTP and gRPC APIs ask for it.</summary>
public sealed record TagNamesRequest
{
    /// <summary>A word of <see cref="TagScopes"/>; empty or <c>none</c>: all of them.</summary>
    public string Scope { get; init; } = "";

    /// <summary>TraceQL, perhaps half typed: names of the spans that it matches only. What makes no sense filters nothing.</summary>
    public string Query { get; init; } = "";

    /// <summary>Unix seconds; 0 = no bound.</summary>
    public long StartSeconds { get; init; }

    /// <summary>Unix seconds; 0 = no bound.</summary>
    public long EndSeconds { get; init; }

    /// <summary>Most names of each scope; 0 = no bound.</summary>
    public int MaxNamesPerScope { get; init; }

    public TagLimits Limits { get; init; } = new();

    /// <summary>How the query makes way for others.</summary>
    public IWorkerSlots Slots { get; init; } = WorkerSlots.OfProcess;
}

/// <summary>Which values an attribute has.</summary>
public sealed record TagValuesRequest
{
    /// <summary>TraceQL: <c>span.http.method</c>, <c>.x</c>, <c>status</c>, <c>event:name</c>.</summary>
    public required string Name { get; init; }

    /// <summary>TraceQL, perhaps half typed: values on the spans that it matches only.</summary>
    public string Query { get; init; } = "";

    /// <summary>Unix seconds; 0 = no bound.</summary>
    public long StartSeconds { get; init; }

    /// <summary>Unix seconds; 0 = no bound.</summary>
    public long EndSeconds { get; init; }

    /// <summary>Most values; 0 = no bound.</summary>
    public int MaxValues { get; init; }

    public TagLimits Limits { get; init; } = new();

    /// <summary>How the query makes way for others.</summary>
    public IWorkerSlots Slots { get; init; } = WorkerSlots.OfProcess;
}

/// <summary>Limits of a tenant on tag names and values.</summary>
public sealed record TagLimits
{
    /// <summary>
    /// Bytes of names, or of values, in an answer; beyond, it is cut (<c>read.max_bytes_per_tag_values_query</c>): silently in Tempo, with
    /// a message here.
    /// </summary>
    public long MaxBytes { get; init; } = 1_000_000;

    /// <summary>
    /// Groups of conditions that a query comes to when its "or" is multiplied out
    /// (<c>read.max_condition_groups_per_tag_query</c>); beyond, it is refused.
    /// </summary>
    public int MaxConditionGroups { get; init; } = 100;

    /// <summary>What all queries share: an answer has half of it at the most, whatever <see cref="MaxBytes"/> says.</summary>
    public QueryMemory Memory { get; init; } = QueryMemory.OfProcess;
}
