using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary>Turns a trace into spansets: a pipeline, or pipelines that are joined.</summary>
internal abstract class SpansetSource
{
    /// <summary>The spansets of the trace, none of them empty; no spanset if nothing matches.</summary>
    public abstract List<Spanset> Run(OrderedTrace trace);
}
