using Tempo.Engine.Foundation;

namespace Tempo.Query.Tests.Testing;

/// <summary>Attributes: string, long, double, bool, or an array of one of these.</summary>
public sealed class Attributes : List<(string Key, object Value)>
{
    public void Add(string key, object value) => Add((key, value));
}

public sealed record TestResource(Attributes Attributes);

public sealed record TestScope(string Name, string Version, Attributes Attributes);

public sealed record TestEvent(string Name, ulong SinceStartNano, Attributes Attributes);

public sealed record TestLink(TraceId TraceId, ulong SpanId, Attributes Attributes);

/// <summary>A span as a plain object: what the engine's columns are checked against.</summary>
public sealed record TestSpan
{
    public required TraceId TraceId { get; init; }
    public required ulong Id { get; init; }
    public ulong ParentId { get; init; }
    public string Name { get; init; } = "";
    public required ulong StartUnixNano { get; init; }
    public ulong DurationNano { get; init; }

    /// <summary>OTLP numbers.</summary>
    public int Kind { get; init; }
    public int Status { get; init; }
    public string StatusMessage { get; init; } = "";
    public string TraceState { get; init; } = "";
    public required TestResource Resource { get; init; }
    public TestScope Scope { get; init; } = new("", "", []);
    public Attributes Attributes { get; init; } = [];
    public IReadOnlyList<TestEvent> Events { get; init; } = [];
    public IReadOnlyList<TestLink> Links { get; init; } = [];

    public ulong EndUnixNano => StartUnixNano + DurationNano;
}
