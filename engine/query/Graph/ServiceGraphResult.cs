using Tempo.Engine.Query.Search;

namespace Tempo.Engine.Query.Graph;

/// <summary>What is asked: the graph of the spans that start in [start, end).</summary>
/// <param name="StartUnixNano">First nanosecond.</param>
/// <param name="EndUnixNano">First nanosecond that is no longer meant.</param>
public sealed record ServiceGraphRequest(ulong StartUnixNano, ulong EndUnixNano)
{
    /// <summary>Nodes, edges and operations of an answer, each; further ones are left out, and the answer says so.</summary>
    public int MaxRows { get; init; } = 1000;

    /// <summary>Memory for ids of traces while it runs; beyond, the query is too large.</summary>
    public long MaxBytes { get; init; } = 512L << 20;

    /// <summary>What all queries share.</summary>
    public QueryMemory Memory { get; init; } = QueryMemory.OfProcess;
}

/// <summary>Who calls whom in a range of time, and how the operations did.</summary>
public sealed class ServiceGraphResult
{
    public List<ServiceEdge> Edges { get; } = [];

    /// <summary>Every name that an edge has at either end.</summary>
    public List<ServiceNode> Nodes { get; } = [];

    /// <summary>Rate, errors and duration by service, span name and kind.</summary>
    public List<OperationRow> Operations { get; } = [];

    public SearchMetrics Metrics { get; } = new();

    /// <summary>What is missing; empty if nothing.</summary>
    public string Message { get; internal set; } = "";
}

/// <summary>Requests and their time.</summary>
/// <param name="Count">Requests.</param>
/// <param name="FailedCount">Those that failed.</param>
/// <param name="Seconds">Their time together.</param>
/// <param name="P50">Quantiles in seconds, exact to 5 %; 0 without requests.</param>
public readonly record struct RequestStatistics(long Count, long FailedCount, double Seconds, double P50, double P90, double P99);

/// <summary>A node and the requests that came to it.</summary>
public sealed record ServiceNode(string Name, RequestStatistics Incoming);

/// <summary>An edge. The type is one of "", messaging_system, database, virtual_node, as in Tempo's metrics.</summary>
public sealed record ServiceEdge(string Client, string Server, string ConnectionType, RequestStatistics Requests, double ClientSeconds);

/// <summary>An operation of a service; the kind is OTLP's number.</summary>
public sealed record OperationRow(string Service, string SpanName, int Kind, RequestStatistics Requests);
