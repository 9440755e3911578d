using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.ServiceGraphs;

/// <summary><c>metrics_generator.processor.service_graphs</c>, with Tempo's names and defaults.</summary>
public sealed record ServiceGraphSettings
{
    /// <summary>How long one side of an edge waits for the other.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Sides that wait at once; further spans are dropped and counted.</summary>
    public int MaxItems { get; init; } = 10_000;

    /// <summary>Ascending upper bounds in seconds.</summary>
    public double[] HistogramBuckets { get; init; } = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8];

    /// <summary>Attributes that become labels.</summary>
    public IReadOnlyList<string> Dimensions { get; init; } = [];

    /// <summary>One label for each side of a dimension, <c>client_…</c> and <c>server_…</c>.</summary>
    public bool EnableClientServerPrefix { get; init; }

    public bool EnableMessagingSystemLatencyHistogram { get; init; }

    /// <summary>Label that says which side of an edge is made up.</summary>
    public bool EnableVirtualNodeLabel { get; init; }

    /// <summary>Attributes that name the peer of a span that has no partner, in order.</summary>
    public IReadOnlyList<string> PeerAttributes { get; init; } = ["peer.service", "db.name", "db.system", "db.system.name"];

    /// <summary>Attributes of which one makes a client's span one that asks a database; in order, for its name.</summary>
    public IReadOnlyList<string> DatabaseNameAttributes { get; init; } = ["db.namespace", "db.name", "db.system", "db.system.name"];

    public IReadOnlyList<FilterPolicy> FilterPolicies { get; init; } = [];

    public string SpanMultiplierKey { get; init; } = "";

    public bool EnableTraceStateSpanMultiplier { get; init; }
}
