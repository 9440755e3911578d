using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary>Spans of one trace that go through a pipeline together, and what by() and aggregates said of them.</summary>
internal sealed class Spanset(List<int> spans, IReadOnlyList<AttributeResult> attributes)
{
    /// <summary>Indexes into <see cref="OrderedTrace.Spans"/>, ascending; not empty.</summary>
    public List<int> Spans { get; } = spans;

    /// <summary>In the order of the stages.</summary>
    public IReadOnlyList<AttributeResult> Attributes { get; } = attributes;

    /// <summary>The same spans with one attribute more.</summary>
    public Spanset With(AttributeResult attribute) => new(Spans, [.. Attributes, attribute]);
}
