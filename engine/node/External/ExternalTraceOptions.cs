namespace Tempo.Engine.Node.External;

/// <summary>Another service that answers traces by their ids, as Tempo does.</summary>
public sealed record ExternalTraceOptions
{
    /// <summary>Where its API begins; null: there is none. <c>/api/traces/{id}</c> is put behind it.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>How long it may take to answer, body and all.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>It is asked for every trace, not only where somebody asks for what lies there.</summary>
    public bool IsPartOfAll { get; init; }
}
