using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.SpanMetrics;

/// <summary><c>metrics_generator.processor.span_metrics</c>, with Tempo's names and defaults.</summary>
public sealed record SpanMetricsSettings
{
    /// <summary>Ascending upper bounds in seconds.</summary>
    public double[] HistogramBuckets { get; init; } =
        [0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];

    public IntrinsicDimensions IntrinsicDimensions { get; init; } = new();

    /// <summary>Attributes that become labels; the resource's wins over the span's.</summary>
    public IReadOnlyList<string> Dimensions { get; init; } = [];

    public IReadOnlyList<DimensionMapping> DimensionMappings { get; init; } = [];

    public IReadOnlyList<FilterPolicy> FilterPolicies { get; init; } = [];

    public SpanNameSanitization SpanNameSanitization { get; init; }

    public bool EnableTargetInfo { get; init; }

    /// <summary>Resource attributes that target_info leaves out.</summary>
    public IReadOnlyList<string> TargetInfoExcludedDimensions { get; init; } = [];

    public bool EnableInstanceLabel { get; init; } = true;

    /// <summary>Attribute that holds a sampling ratio.</summary>
    public string SpanMultiplierKey { get; init; } = "";

    public bool EnableTraceStateSpanMultiplier { get; init; }
}

/// <summary>Labels that every span has a value for.</summary>
public sealed record IntrinsicDimensions
{
    public bool Service { get; init; } = true;
    public bool SpanName { get; init; } = true;
    public bool SpanKind { get; init; } = true;
    public bool StatusCode { get; init; } = true;
    public bool StatusMessage { get; init; }
}

/// <summary>A label made of several attributes.</summary>
/// <param name="Name">The label.</param>
/// <param name="SourceLabels">Attributes; those that are there are joined.</param>
/// <param name="Join">Put between them.</param>
public sealed record DimensionMapping(string Name, IReadOnlyList<string> SourceLabels, string Join);
