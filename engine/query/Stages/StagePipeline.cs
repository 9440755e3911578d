using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary><c>stage | stage | …</c>. The first stage gets one spanset with all spans of the trace.</summary>
internal sealed class StagePipeline(IReadOnlyList<Stage> stages) : SpansetSource
{
    public override List<Spanset> Run(OrderedTrace trace)
    {
        var all = new List<int>(trace.SpanCount);
        for (var i = 0; i < trace.SpanCount; i++) all.Add(i);
        List<Spanset> sets = [new Spanset(all, [])];
        foreach (var stage in stages)
        {
            var output = new List<Spanset>();
            stage.Apply(trace, sets, output);
            if (output.Count == 0) return output;
            sets = output;
        }

        return sets;
    }
}
