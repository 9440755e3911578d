using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary>Spans of one trace that go through a pipeline together, and what by() and aggregates said of them.</summary>
internal sealed class Spanset(List<int> spans, IReadOnlyList<AttributeResult> attributes)
{
    /// <summary>
    /// Attributes that all spansets of one trace may have together: some hundred bytes each. A trace has as many spansets as spans if
    /// by() parts them by their ids, and each further stage says something of each.
    /// </summary>
    private const int MaxAttributes = 1 << 20;

    /// <summary>Indexes into <see cref="OrderedTrace.Spans"/>, ascending; not empty.</summary>
    public List<int> Spans { get; } = spans;

    /// <summary>In the order of the stages.</summary>
    public IReadOnlyList<AttributeResult> Attributes { get; } = attributes;

    /// <summary>
    /// What is said of the set, and <paramref name="attribute"/>; <paramref name="total"/> counts the attributes of all sets of the trace.
    /// Throws <see cref="QueryException"/> if they are too many.
    /// </summary>
    public IReadOnlyList<AttributeResult> AttributesWith(AttributeResult attribute, ref int total)
    {
        total += Attributes.Count + 1;
        if (total > MaxAttributes)
            throw new QueryException(QueryErrorKind.TooLarge,
                $"by() and aggregates would say more than {MaxAttributes} things of the span sets of one trace; group by what has fewer values, or use fewer stages");
        return [.. Attributes, attribute];
    }
}
