using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics.Compare;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>What the hints and the request decide for all parts of a query.</summary>
/// <param name="Axis">The intervals.</param>
/// <param name="MaxExemplars">0 = none.</param>
/// <param name="Extrapolates">Spans count by the sampling threshold in their tracestate.</param>
/// <param name="Budget">What the parts may take together.</param>
/// <param name="Kernel">The inner loops of the scan.</param>
internal sealed record MetricsOptions(TimeAxis Axis, int MaxExemplars, bool Extrapolates, MemoryBudget Budget, KernelKind Kernel)
{
    /// <summary>The answer is to say how it came about.</summary>
    public bool IsExplained { get; init; }

    /// <summary>How many attributes a compare() counts.</summary>
    public ComparedAttributes Compared { get; init; } = new(int.MaxValue);

    /// <summary>Series to which the answer is cut; 0 = no limit.</summary>
    public int MaxSeries { get; init; }

    /// <inheritdoc cref="MetricsLimits.MaxResponseSamples"/>
    public int MaxSamples { get; init; }

    /// <summary>
    /// Throws <see cref="QueryException"/> if an answer of so many series, as far as it is not cut, has too many samples.
    /// </summary>
    public void CheckSamples(int series)
    {
        if (MaxSeries > 0) series = Math.Min(series, MaxSeries);
        if (MaxSamples <= 0 || (long)series * Axis.Count <= MaxSamples) return;
        throw new QueryException(
            QueryErrorKind.TooLarge,
            $"the answer has {series} series of {Axis.Count} samples; the limit of samples is {MaxSamples} (max_response_samples). Ask for fewer series, a longer step or a shorter range");
    }

    /// <summary>
    /// Reads <c>exemplars</c> (a bool or a number), <c>extrapolate</c> and <c>explain</c>. <c>sample</c>, <c>span_sample</c> and
    /// <c>trace_sample</c> allow an estimate where the exact answer is too dear; it is not here, so the answer is the exact one.
    /// Other hints, and hints of the wrong type, are ignored.
    /// </summary>
    public static MetricsOptions Create(TraceQlQuery query, TimeAxis axis, int exemplars, int maxSeries, MetricsLimits limits)
    {
        exemplars = query.HintValue("exemplars") switch
        {
            { Type: TraceQlType.Bool } hint => hint.AsBool ? limits.MaxExemplars : 0,
            { Type: TraceQlType.Int } hint => (int)Math.Clamp(hint.AsInt, 0, limits.MaxExemplars),
            _ => exemplars,
        };
        var extrapolates = query.HintValue("extrapolate") is { Type: TraceQlType.Bool, AsBool: true };
        return new MetricsOptions(axis, exemplars, extrapolates, new MemoryBudget(limits.MaxBytes, limits.Memory), limits.Kernel)
        {
            IsExplained = query.HintValue("explain") is { Type: TraceQlType.Bool, AsBool: true },
            Compared = new ComparedAttributes(limits.MaxComparedAttributes),
            MaxSeries = maxSeries,
            MaxSamples = limits.MaxResponseSamples,
        };
    }
}
