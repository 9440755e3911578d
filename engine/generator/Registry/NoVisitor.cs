namespace Tempo.Engine.Generator.Registry;

/// <summary>Looks at nothing: for collections that only let series age.</summary>
internal sealed class NoVisitor : ISeriesVisitor
{
    public static readonly NoVisitor Instance = new();

    public void Begin(in EntityLabels labels)
    {
    }

    public void Number(MetricColumn column, double value, SeriesMoment moment)
    {
    }

    public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
    {
    }
}
