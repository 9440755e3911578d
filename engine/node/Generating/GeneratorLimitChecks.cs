using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.Spans;
using Tempo.Engine.Node.Overrides;
using Spans = Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Node.Generating;

/// <summary>
/// Whether a value of a tenant's limits can be used by the generator: asked where the value is read, so that an error has its key
/// and its line, and comes before a span does. Each answer is null, or what is wrong.
/// </summary>
public static class GeneratorLimitChecks
{
    public static string? FilterPolicies(IReadOnlyList<Overrides.FilterPolicy> policies) =>
        Spans.FilterPolicy.Check(GeneratorSettingsMapping.Policies(policies));

    /// <summary>Upper bounds of a histogram.</summary>
    public static string? Buckets(IReadOnlyList<double> bounds) => MetricColumn.CheckBounds(bounds);

    public static string? IntrinsicDimensions(IReadOnlyList<KeyValuePair<string, bool>> switches)
    {
        foreach (var (name, _) in switches)
            if (!GeneratorSettingsMapping.IntrinsicDimensionNames.Contains(name))
                return $"intrinsic dimension \"{name}\" is not known; known are {string.Join(", ", GeneratorSettingsMapping.IntrinsicDimensionNames)}";
        return null;
    }

    /// <summary>A name that every Prometheus takes, of a metric or a label; empty: not set.</summary>
    public static string? Name(string name) =>
        name.Length == 0 || LabelName.IsValid(name) ? null : $"\"{name}\" is not a name of letters, digits and _";
}
