using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators;

/// <summary>
/// An operator between two sets of spans of one trace (specification TraceQL §5.1). Lists as in <see cref="SpanSelector"/>.
/// </summary>
internal abstract class SpanJoin
{
    /// <summary>Adds the result to <paramref name="output"/>, which is empty.</summary>
    public abstract void Join(OrderedTrace trace, List<int> left, List<int> right, List<int> output);

    /// <summary>Adds the spans of both, each once.</summary>
    protected static void Unite(List<int> left, List<int> right, List<int> output)
    {
        int l = 0, r = 0;
        while (l < left.Count && r < right.Count)
        {
            var next = Math.Min(left[l], right[r]);
            if (left[l] == next) l++;
            if (right[r] == next) r++;
            output.Add(next);
        }

        for (; l < left.Count; l++) output.Add(left[l]);
        for (; r < right.Count; r++) output.Add(right[r]);
    }
}
