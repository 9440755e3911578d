using Tempo.Host.Foreign;

namespace Tempo.Host.Diff;

/// <summary>One thing that is different on a span that both traces have.</summary>
/// <param name="Op">add, remove or replace: what to do to the base to get the other.</param>
/// <param name="Type">field, attribute or event.</param>
/// <param name="Name">Of the field or event; empty for an attribute.</param>
/// <param name="Scope">span, resource or event, for an attribute; else empty.</param>
/// <param name="Key">Of the attribute; else empty.</param>
/// <param name="Before">A value as <see cref="AttributeRecord"/> has it; null: there is none.</param>
/// <param name="After">Likewise.</param>
internal sealed record SpanChange(string Op, string Type, string Name, string Scope, string Key, object? Before, object? After);

/// <summary>Two spans that are the same step.</summary>
internal sealed record MatchedSpans(DiffNode Base, DiffNode Compare, List<SpanChange> Changes);

/// <summary>
/// What two traces have in common and where they differ:
/// <code>
/// 1  roots are paired, then the children of each pair: by service, name and kind, and the n-th of a kind with the n-th
/// 2  a span without a partner is added or removed, and all below it
/// 3  pairs are compared: status, duration, attributes, events; resources once for each pair of resources
/// </code>
/// </summary>
internal sealed class TraceDiff
{
    /// <summary>
    /// Durations are said to differ beyond this share of the shorter one, and a millisecond: no two runs take the same time.
    /// </summary>
    public const double DurationShare = 0.2;
    private const ulong DurationNoiseNano = 1_000_000;

    private readonly HashSet<(ResourceRecord, ResourceRecord)> _resources = [];

    private TraceDiff(DiffTree @base, DiffTree compare) => (Base, Compare) = (@base, compare);

    public DiffTree Base { get; }
    public DiffTree Compare { get; }

    /// <summary>All pairs, in the order of the base.</summary>
    public List<MatchedSpans> Matched { get; } = [];

    /// <summary>Spans of the other trace without a partner, parents first.</summary>
    public List<DiffNode> Added { get; } = [];

    /// <summary>Spans of the base without a partner, parents first.</summary>
    public List<DiffNode> Removed { get; } = [];

    public IEnumerable<MatchedSpans> Modified => Matched.Where(static pair => pair.Changes.Count > 0);

    public static TraceDiff Of(DiffTree @base, DiffTree compare)
    {
        var diff = new TraceDiff(@base, compare);
        var open = new Stack<(DiffNode Base, DiffNode Compare)>();
        Pair(@base.Roots, compare.Roots, open);
        while (open.TryPop(out var pair))
        {
            diff.Matched.Add(new MatchedSpans(pair.Base, pair.Compare, diff.ChangesOf(pair.Base.Span, pair.Compare.Span)));
            Pair(pair.Base.Children, pair.Compare.Children, open);
        }

        var paired = diff.Matched.SelectMany(static pair => new[] { pair.Base, pair.Compare }).ToHashSet();
        diff.Removed.AddRange(@base.Nodes.Where(node => !paired.Contains(node)));
        diff.Added.AddRange(compare.Nodes.Where(node => !paired.Contains(node)));
        return diff;
    }

    private static void Pair(List<DiffNode> bases, List<DiffNode> compares, Stack<(DiffNode, DiffNode)> open)
    {
        var partners = new Dictionary<(StepKey, int), DiffNode>(compares.Count);
        foreach (var node in compares) partners[(node.Key, node.Repetition)] = node;

        // The first one is to come off the stack first.
        for (var i = bases.Count - 1; i >= 0; i--)
            if (partners.TryGetValue((bases[i].Key, bases[i].Repetition), out var partner))
                open.Push((bases[i], partner));
    }

    private List<SpanChange> ChangesOf(SpanRecord before, SpanRecord after)
    {
        var changes = new List<SpanChange>();
        if (before.StatusCode != after.StatusCode)
            changes.Add(Field("status", StatusName(before.StatusCode), StatusName(after.StatusCode)));
        if (before.StatusMessage != after.StatusMessage) changes.Add(Field("statusMessage", before.StatusMessage, after.StatusMessage));
        if (DifferMuch(before.DurationNano, after.DurationNano))
            changes.Add(Field("duration_nanos", (long)before.DurationNano, (long)after.DurationNano));
        AddAttributes(changes, "attribute", "", "span", before.Attributes, after.Attributes);
        if (_resources.Add((before.Resource, after.Resource)))
            AddAttributes(changes, "attribute", "", "resource", before.Resource.Attributes, after.Resource.Attributes);
        AddEvents(changes, before.Events, after.Events);
        return changes;
    }

    /// <summary>True beyond what two runs of the same thing differ by anyway.</summary>
    public static bool DifferMuch(ulong a, ulong b)
    {
        var (less, more) = (Math.Min(a, b), Math.Max(a, b));
        return more - less > DurationNoiseNano && more - less > less * DurationShare;
    }

    public static string StatusName(int code) => code switch { 1 => "ok", 2 => "error", _ => "unset" };

    private static SpanChange Field(string name, object before, object after) => new("replace", "field", name, "", "", before, after);

    private static void AddAttributes(
        List<SpanChange> changes, string type, string name, string scope, List<AttributeRecord> before, List<AttributeRecord> after)
    {
        var rest = new Dictionary<string, object?>(after.Count, StringComparer.Ordinal);
        foreach (var (key, value) in after) rest.TryAdd(key, value);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in before)
        {
            if (!seen.Add(key)) continue;
            if (!rest.Remove(key, out var other)) changes.Add(new SpanChange("remove", type, name, scope, key, value, null));
            else if (!AreEqual(value, other)) changes.Add(new SpanChange("replace", type, name, scope, key, value, other));
        }

        foreach (var (key, _) in after)
            if (rest.Remove(key, out var value))
                changes.Add(new SpanChange("add", type, name, scope, key, null, value));
    }

    // The n-th event of a name with the n-th; when it happened is not compared.
    private static void AddEvents(List<SpanChange> changes, List<EventRecord> before, List<EventRecord> after)
    {
        var rest = after.GroupBy(static e => e.Name, StringComparer.Ordinal)
            .ToDictionary(static g => g.Key, static g => new Queue<EventRecord>(g), StringComparer.Ordinal);
        foreach (var one in before)
        {
            if (rest.TryGetValue(one.Name, out var partners) && partners.TryDequeue(out var partner))
                AddAttributes(changes, "event", one.Name, "event", one.Attributes, partner.Attributes);
            else changes.Add(new SpanChange("remove", "event", one.Name, "", "", one.Attributes, null));
        }

        foreach (var left in rest.Values.SelectMany(static queue => queue))
            changes.Add(new SpanChange("add", "event", left.Name, "", "", null, left.Attributes));
    }

    private static bool AreEqual(object? a, object? b) => (a, b) switch
    {
        (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(static pair => AreEqual(pair.First, pair.Second)),
        (List<AttributeRecord> x, List<AttributeRecord> y) =>
            x.Count == y.Count && x.Zip(y).All(
                static pair => pair.First.Key == pair.Second.Key && AreEqual(pair.First.Value, pair.Second.Value)),
        _ => Equals(a, b),
    };
}
