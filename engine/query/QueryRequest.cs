namespace Tempo.Engine.Query;

/// <summary>What is asked of traces: a <see cref="SearchRequest"/> or a <see cref="MetricsRequest"/>.</summary>
public abstract record QueryRequest
{
    private protected QueryRequest() { }

    /// <summary>
    /// TraceQL. A search: empty = every trace, answered without span sets. A metrics query: with a metrics stage; anything else is refused.
    /// </summary>
    public string Query { get; init; } = "";
}
