using System.Collections.Frozen;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Node.Slices;

/// <summary>A query as one node asks it of another: the same that a client asked, of a slice of the traces.</summary>
internal sealed record SliceQuestion(TenantSet Tenants, TraceSlice Slice, QueryRequest Request)
{
    /// <summary>Traces of the slice that the asker knows to be deleted: the one who is asked may hear of it later.</summary>
    public IReadOnlySet<TraceId> Hidden { get; init; } = FrozenSet<TraceId>.Empty;

    /// <summary>The present of a metrics query, the same on all nodes.</summary>
    public DateTimeOffset Now { get; init; }
}

/// <summary>What a slice's node says. Dispose it.</summary>
/// <param name="Content">
/// A search: <see cref="SearchMessages"/>; a metrics query: what was counted (<see cref="Query.Metrics.Parts"/>). Null if the query failed.
/// </param>
/// <param name="Failure">Why the query failed there.</param>
/// <param name="Damage">What could not be read; empty if nothing.</param>
internal sealed record SliceAnswer(NativeBuffer? Content, QueryException? Failure, string Damage) : IDisposable
{
    /// <summary>It is what the asker would have found as well: all that there is, or that the query is wrong or too large.</summary>
    public bool IsConclusive => Damage.Length == 0 && Failure is not { Kind: QueryErrorKind.Busy or QueryErrorKind.Timeout };

    public void Dispose() => Content?.Dispose();
}
