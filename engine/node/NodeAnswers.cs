using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node;

/// <summary>What became of an export request.</summary>
public readonly record struct IngestOutcome(IngestStatus Status, int AcceptedSpans, int RejectedSpans, string Message)
{
    /// <summary>When to try again, for the retryable statuses.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>
    /// Traces whose spans the limits refused, if it was only they; null where that is not known: in a ring their owners have counted them.
    /// </summary>
    public IReadOnlySet<TraceId>? RefusedTraceIds { get; init; }
}

public enum IngestStatus
{
    /// <summary>Every span that is not counted in <see cref="IngestOutcome.RejectedSpans"/> is durable and can be read.</summary>
    Accepted,

    /// <summary>Undecodable, or no span was valid; nothing was kept. Not retryable (400, INVALID_ARGUMENT).</summary>
    Invalid,

    /// <summary>
    /// Longer than <see cref="NodeOptions.MaxRequestBytes"/>; nothing was kept. Not retryable (413, RESOURCE_EXHAUSTED without RetryInfo).
    /// </summary>
    TooLarge,

    /// <summary>Over the tenant's rate; retryable (429, RESOURCE_EXHAUSTED with RetryInfo).</summary>
    RateLimited,

    /// <summary>No room or no disk right now, nothing was kept; retryable (503, UNAVAILABLE with RetryInfo).</summary>
    Overloaded,

    /// <summary>The node is starting or stopping; retryable (503, UNAVAILABLE).</summary>
    Unavailable,
}
