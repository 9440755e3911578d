using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// Similar spans of a trace become one that stands for them: a thousand equal statements below one request tell no more than their
/// number and durations. The idea and the names are those of the collector's span pruning processor; here only siblings are brought
/// together, so that the tree stays true.
/// <code>
/// alike     a span without children is like another of the same name, kind and status, with the same values of the attributes asked for;
///           a span with children if their kinds of children are alike, too, and no deeper than so many levels
/// together  siblings that are alike, if each kind of leaf among or below them is there often enough; then their children are siblings
/// </code>
/// A root is never summarized. The first of them stands for all: with its id and attributes, without events and links.
/// </summary>
public sealed class SpanPruning
{
    /// <summary>Of the levels above leaves: as far as it goes, which is <see cref="MaxLevels"/>.</summary>
    public const int AllLevels = -1;

    /// <summary>Levels that are looked at at most.</summary>
    public const int MaxLevels = 64;

    private readonly AttributePatterns _groupBy;
    private readonly int _minSpans;
    private readonly int _maxLevels;

    /// <param name="groupBy">Keys of attributes that must have equal values; <c>*</c> stands for any text, <c>?</c> for a
    /// character.</param>
    /// <param name="minSpans">Leaves that are alike, from which on they become one; at least 2.</param>
    /// <param name="maxParentDepth">Levels of parents above leaves that may become one; <see cref="AllLevels"/>.</param>
    public SpanPruning(IReadOnlyList<string> groupBy, int minSpans, int maxParentDepth)
    {
        _groupBy = new AttributePatterns(groupBy);
        _minSpans = Math.Max(2, minSpans);
        _maxLevels = maxParentDepth == AllLevels ? MaxLevels : Math.Min(maxParentDepth, MaxLevels);
    }

    /// <summary>Whether attributes are compared, so that those of all spans have to be in memory at once.</summary>
    internal bool ComparesAttributes => !_groupBy.IsEmpty;

    /// <summary>What the decision needs of the whole trace.</summary>
    internal TraceNeeds Needs { get; } = new() { Columns = BatchColumns.Spans | BatchColumns.Name, HasTree = true };

    /// <param name="trace">With its tree.</param>
    /// <param name="kept">Spans that are in the answer; null: all.</param>
    internal PrunedSpans Apply(OrderedTrace trace, bool[]? kept)
    {
        var tree = new PruningTree(trace, kept);
        var shapes = Shapes(trace, tree);
        var pruned = new PrunedSpans(trace, kept);
        var left = new Stack<List<int>>();
        foreach (var root in tree.Roots) left.Push([root]);
        while (left.TryPop(out var members))
        {
            foreach (var group in Alike(tree, shapes, members))
            {
                if (group.Count > 1 && (members.Count > 1 || MayBeOne(tree, shapes, group)))
                {
                    pruned.Summarize(trace, group);
                    left.Push(group);
                }
                else
                {
                    foreach (var one in group) left.Push([one]);
                }
            }
        }

        return pruned;
    }

    // The children of spans that are one, by shape; in front those of the first span, so that the first child's parent stays. Children that
    // are like no other are alone.
    private static List<List<int>> Alike(PruningTree tree, Shape[] shapes, List<int> members)
    {
        var groups = new List<List<int>>();
        var ofShape = new Dictionary<int, List<int>>();
        foreach (var member in members)
        {
            for (var child = tree.FirstChild[member]; child >= 0; child = tree.NextSibling[child])
            {
                var shape = shapes[child];
                if (shape.Number < 0 || !ofShape.TryGetValue(shape.Number, out var group))
                {
                    groups.Add(group = []);
                    if (shape.Number >= 0) ofShape.Add(shape.Number, group);
                }

                group.Add(child);
            }
        }

        return groups;
    }

    // Recursion is bounded by MaxLevels.
    private bool MayBeOne(PruningTree tree, Shape[] shapes, List<int> group)
    {
        if (shapes[group[0]].Height == 0) return group.Count >= _minSpans;
        foreach (var below in Alike(tree, shapes, group))
            if (!MayBeOne(tree, shapes, below))
                return false;
        return true;
    }

    // From the leaves up. A span on a cycle, or above one, is never reached and like no other.
    private Shape[] Shapes(OrderedTrace trace, PruningTree tree)
    {
        var shapes = new Shape[trace.SpanCount];
        Array.Fill(shapes, Shape.None);
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        using var text = new NativeBuffer();
        var waiting = (int[])tree.ChildCount.Clone();
        var ready = new Stack<int>();
        for (var i = 0; i < trace.SpanCount; i++)
            if (tree.IsKept(i) && waiting[i] == 0)
                ready.Push(i);
        while (ready.TryPop(out var at))
        {
            shapes[at] = ShapeOf(trace, tree, shapes, at, numbers, text);
            var parent = tree.Parent[at];
            if (parent >= 0 && --waiting[parent] == 0) ready.Push(parent);
        }

        return shapes;
    }

    private Shape ShapeOf(OrderedTrace trace, PruningTree tree, Shape[] shapes, int at, Dictionary<string, int> numbers, NativeBuffer text)
    {
        var height = 0;
        var below = new SortedSet<int>();
        for (var child = tree.FirstChild[at]; child >= 0; child = tree.NextSibling[child])
        {
            if (shapes[child].Number < 0) return Shape.None;
            height = Math.Max(height, shapes[child].Height + 1);
            below.Add(shapes[child].Number);
        }

        if (height > _maxLevels) return Shape.None;
        var (batch, row) = (trace.Batch(at), trace.Spans[at].Span);
        text.Clear();
        text.Append(batch.Name[row]);
        text.Append([0, batch.Kind[row], (byte)(batch.Status[row] & SpanBatch.StatusCodeMask)]);
        if (height == 0) _groupBy.AppendMatching(batch, row, text);
        var key = $"{Encoding.Latin1.GetString(text.Written)}({string.Join(',', below)})";
        if (!numbers.TryGetValue(key, out var number)) numbers.Add(key, number = numbers.Count);
        return new Shape(number, height);
    }

    /// <summary>What a span is like: equal numbers are alike; -1: like no other. Levels below it.</summary>
    private readonly record struct Shape(int Number, int Height)
    {
        public static readonly Shape None = new(-1, 0);
    }
}
