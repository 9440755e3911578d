namespace Tempo.Engine.Query;

/// <summary>Ends a query with an answer for the client.</summary>
public sealed class QueryException(QueryErrorKind kind, string message) : Exception(message)
{
    public QueryErrorKind Kind { get; } = kind;
}

/// <summary>What went wrong; the API maps it to a status.</summary>
public enum QueryErrorKind
{
    /// <summary>The query or a parameter is wrong: 400, InvalidArgument.</summary>
    BadRequest,

    /// <summary>The query is right, this engine cannot do it yet: 501, Unimplemented.</summary>
    NotImplemented,

    /// <summary>A budget was used up: 422.</summary>
    TooLarge,

    /// <summary>Too much at once: 429, ResourceExhausted.</summary>
    Busy,

    /// <summary>The time limit passed: 504.</summary>
    Timeout,
}
