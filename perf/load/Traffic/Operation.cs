namespace Tempo.Perf.Load.Traffic;

/// <summary>What kind of work a span stands for; it decides the span's kind, its scope and its attributes.</summary>
internal enum Surface
{
    HttpServer, HttpClient, RpcServer, RpcClient, Database, Cache, Producer, Consumer, Internal,
}

/// <summary>
/// A node of the shop's call graph. <paramref name="Name"/> is the span's name, <paramref name="Target"/> what the surface needs besides:
/// the route, the RPC method, the statement, the topic or the function.
/// </summary>
internal sealed record Operation(Service Service, Surface Surface, string Name, string Target, double MedianSelfMicros, Call[] Calls)
{
    /// <summary>The service at the other end, where there is one.</summary>
    public Service? Peer { get; init; }

    /// <summary>The share of spans that fail.</summary>
    public double ErrorRate { get; init; }

    /// <summary>Writes the business attributes (app.*).</summary>
    public Action<AttributeWriter>? Describe { get; init; }

    /// <summary>Names of the events that a span of this operation records on its way.</summary>
    public string[] Milestones { get; init; } = [];
}

/// <summary>A call to <paramref name="Callee"/>, made between <paramref name="MinTimes"/> and <paramref name="MaxTimes"/> times.</summary>
/// <param name="Detached">The caller does not wait, as after a message was published.</param>
internal sealed record Call(Operation Callee, int MinTimes = 1, int MaxTimes = 1, bool Detached = false)
{
    public static implicit operator Call(Operation callee) => new(callee);
}
