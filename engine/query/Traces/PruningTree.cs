using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>The tree of those spans of a trace that are in the answer. A span whose parent is not there is a root.</summary>
internal sealed class PruningTree
{
    private readonly bool[]? _kept;

    public PruningTree(OrderedTrace trace, bool[]? kept)
    {
        _kept = kept;
        var count = trace.SpanCount;
        (Parent, FirstChild, NextSibling, ChildCount) = (new int[count], new int[count], new int[count], new int[count]);
        Array.Fill(FirstChild, -1);
        Array.Fill(NextSibling, -1);

        // From the back, so that the lists of children are in the order of the spans.
        for (var i = count - 1; i >= 0; i--)
        {
            var parent = trace.ParentIndex[i];
            Parent[i] = parent >= 0 && IsKept(parent) ? parent : -1;
            if (!IsKept(i)) continue;
            if (Parent[i] < 0)
            {
                Roots.Add(i);
                continue;
            }

            NextSibling[i] = FirstChild[Parent[i]];
            FirstChild[Parent[i]] = i;
            ChildCount[Parent[i]]++;
        }
    }

    public List<int> Roots { get; } = [];

    /// <summary>-1: a root.</summary>
    public int[] Parent { get; }

    /// <summary>-1: none.</summary>
    public int[] FirstChild { get; }

    /// <inheritdoc cref="FirstChild"/>
    public int[] NextSibling { get; }
    public int[] ChildCount { get; }

    public bool IsKept(int i) => _kept is null || _kept[i];
}
