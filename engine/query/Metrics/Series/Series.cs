using Tempo.Engine.Query.Metrics.Exemplars;

namespace Tempo.Engine.Query.Metrics.Series;

/// <summary>One series while it is worked on: a value for each interval, NaN where there is none.</summary>
internal sealed class Series(IReadOnlyList<AttributeResult> labels, double[] values)
{
    public IReadOnlyList<AttributeResult> Labels { get; } = labels;

    public double[] Values { get; } = values;

    public List<SeriesExemplar> Exemplars { get; init; } = [];

    public bool HasValues
    {
        get
        {
            foreach (var value in Values)
                if (!double.IsNaN(value))
                    return true;
            return false;
        }
    }
}

/// <summary>An exemplar of a series. A value of NaN stands for the sample's value at its interval.</summary>
internal readonly record struct SeriesExemplar(ExemplarCandidate Span, int Interval, double Value);
