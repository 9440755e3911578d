using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Stages;

/// <summary><c>| coalesce()</c>: all spansets of the trace become one, of which nothing is said.</summary>
internal sealed class CoalesceStage : Stage
{
    public override void Apply(OrderedTrace trace, List<Spanset> input, List<Spanset> output) =>
        output.Add(new Spanset(SpansOf(input), []));

    /// <summary>The spans of all sets, ascending. A span is in one set only: sets come from by(), which parts them.</summary>
    public static List<int> SpansOf(List<Spanset> sets)
    {
        if (sets.Count == 1) return sets[0].Spans;
        var spans = new List<int>();
        foreach (var set in sets) spans.AddRange(set.Spans);
        spans.Sort();
        return spans;
    }
}
