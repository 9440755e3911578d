using Tempo.Host.Foreign;

namespace Tempo.Host.Diff;

/// <summary>What makes two spans of two traces the same step: ids and times never agree.</summary>
internal readonly record struct StepKey(string Service, string Name, int Kind);

/// <summary>A span in its tree.</summary>
internal sealed class DiffNode(SpanRecord span)
{
    public SpanRecord Span { get; } = span;
    public StepKey Key { get; } = new(span.Resource.ServiceName, span.Name, span.Kind);
    public DiffNode? Parent { get; set; }

    /// <summary>In the order of their starts.</summary>
    public List<DiffNode> Children { get; } = [];

    /// <summary>Place among the siblings.</summary>
    public int Index { get; set; }

    /// <summary>How many siblings of the same key stand before it.</summary>
    public int Repetition { get; set; }

    public bool IsError => Span.StatusCode == 2;
}

/// <summary>
/// A trace as a tree. Spans whose parent is not there stand beside the root, and so does one span of a circle of parents.
/// </summary>
internal sealed class DiffTree
{
    /// <summary>Steps of a path that are written out; of a deeper span the last ones are.</summary>
    private const int MaxPathSteps = 32;

    private DiffTree(List<DiffNode> nodes, List<DiffNode> roots) => (Nodes, Roots) = (nodes, roots);

    /// <summary>All spans, parents before children.</summary>
    public List<DiffNode> Nodes { get; }

    public List<DiffNode> Roots { get; }

    /// <summary>The span without a parent id that started first; else the first of all.</summary>
    public DiffNode Root => Roots.Find(static node => node.Span.ParentSpanId == 0) ?? Roots[0];

    /// <summary>From the first start to the last end, in nanoseconds.</summary>
    public ulong DurationNano
    {
        get
        {
            var (start, end) = (ulong.MaxValue, 0UL);
            foreach (var node in Nodes)
                (start, end) = (Math.Min(start, node.Span.StartUnixNano), Math.Max(end, node.Span.EndUnixNano));
            return end > start ? end - start : 0;
        }
    }

    public static DiffTree Of(List<SpanRecord> spans)
    {
        var all = spans.ConvertAll(static span => new DiffNode(span));
        all.Sort(static (a, b) => (a.Span.StartUnixNano, a.Span.SpanId).CompareTo((b.Span.StartUnixNano, b.Span.SpanId)));
        var byId = new Dictionary<ulong, DiffNode>(all.Count);
        foreach (var node in all) byId.TryAdd(node.Span.SpanId, node);
        var roots = new List<DiffNode>();
        foreach (var node in all)
        {
            if (node.Span.ParentSpanId != 0 && byId.TryGetValue(node.Span.ParentSpanId, out var parent) && parent != node)
            {
                node.Parent = parent;
                parent.Children.Add(node);
            }
            else
            {
                roots.Add(node);
            }
        }

        return new DiffTree(InOrder(all, roots), roots);
    }

    /// <summary>How the span is reached from its root, such as <c>shop: checkout / payment: charge #2</c>.</summary>
    public static string PathOf(DiffNode node)
    {
        var steps = new List<string>();
        for (var at = node; at is not null && steps.Count <= MaxPathSteps; at = at.Parent)
        {
            if (steps.Count == MaxPathSteps) steps.Add("…");
            else steps.Add(at.Repetition == 0
                ? $"{at.Key.Service}: {at.Key.Name}"
                : $"{at.Key.Service}: {at.Key.Name} #{at.Repetition + 1}");
        }

        steps.Reverse();
        return string.Join(" / ", steps);
    }

    // Without recursion: a chain of a hundred thousand spans is a tree, too.
    private static List<DiffNode> InOrder(List<DiffNode> all, List<DiffNode> roots)
    {
        var ordered = new List<DiffNode>(all.Count);
        var isSeen = new HashSet<DiffNode>(all.Count);
        var next = 0;
        while (true)
        {
            Number(roots);
            Visit(roots);
            if (ordered.Count == all.Count) return ordered;

            // What is left are circles of parents: one span of each is taken for a root.
            while (isSeen.Contains(all[next])) next++;
            var cut = all[next];
            cut.Parent!.Children.Remove(cut);
            cut.Parent = null;
            roots.Add(cut);
        }

        void Visit(List<DiffNode> from)
        {
            var open = new Stack<DiffNode>();
            for (var i = from.Count - 1; i >= 0; i--) open.Push(from[i]);
            while (open.TryPop(out var node))
            {
                if (!isSeen.Add(node)) continue;
                ordered.Add(node);
                Number(node.Children);
                for (var i = node.Children.Count - 1; i >= 0; i--) open.Push(node.Children[i]);
            }
        }
    }

    private static void Number(List<DiffNode> siblings)
    {
        var seen = new Dictionary<StepKey, int>();
        for (var i = 0; i < siblings.Count; i++)
        {
            seen.TryGetValue(siblings[i].Key, out var before);
            (siblings[i].Index, siblings[i].Repetition) = (i, before);
            seen[siblings[i].Key] = before + 1;
        }
    }
}
