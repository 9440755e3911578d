using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>The labels of a function's series.</summary>
internal static class FunctionLabels
{
    /// <summary>The names of the by() labels.</summary>
    public static string[] LabelNames(this MetricsFunction function) =>
        [.. Enumerable.Range(0, function.By.Count).Select(function.LabelName)];

    /// <summary>The labels of a group; without a by() the function's name.</summary>
    public static List<AttributeResult> LabelsOf(this MetricsFunction function, SeriesKeys keys, int group)
    {
        var labels = keys.Labels(group);
        if (function.By.Count == 0) labels.Add(new AttributeResult(SeriesArithmetic.NameLabel, function.Name));
        return labels;
    }
}
