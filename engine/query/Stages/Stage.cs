using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary>One step of a pipeline: spansets of one trace in, spansets out (specification TraceQL §5.2). One serves one thread.</summary>
internal abstract class Stage
{
    /// <summary>Adds what is left of <paramref name="input"/> to <paramref name="output"/>; never an empty spanset.</summary>
    public abstract void Apply(OrderedTrace trace, List<Spanset> input, List<Spanset> output);
}
