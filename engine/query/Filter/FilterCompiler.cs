using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// Makes filter nodes of a condition. Negations are moved down to the leaves. A leaf that asks for a fact of the whole trace
/// becomes "all": so what comes out never excludes a span that may match, and marks exactly those that do if there was no such leaf.
/// <para>
/// "Some event meets the condition" may be asked of each side of an "or" on its own, but not of the sides of an "and", which must
/// be met by the same event: those stay together, as one condition on the columns of events, or span by span where they mix with
/// other things. The same holds for links. Recursion is bounded by the parser's limit on the height of a tree.
/// </para>
/// </summary>
/// <param name="knowsTraces">It will run on pages of blocks that this engine wrote, and be asked of traces that lie there alone.</param>
internal sealed class FilterCompiler(bool knowsTraces)
{
    /// <summary>Does the result mark exactly what matches?</summary>
    public bool IsExact { get; private set; } = true;

    public FilterNode Compile(Operand operand, bool isNegated)
    {
        switch (operand)
        {
            case Constant constant: return Always(constant.Value.IsTrue != isNegated);
            case Negation { Operand: Field field }: return Leaf(field.Is(false), isNegated, isBare: true);
            case Negation negation: return Compile(negation.Operand, !isNegated);
            case Field field: return Leaf(field.Is(true), isNegated, isBare: true);
            case Comparison comparison: return Leaf(comparison, isNegated);
            case Junction junction: return CompileJunction(junction, isNegated);
            case AnyOfSpan anyOf when OfLevel(
                anyOf.Condition, isNegated: false, anyOf.IsEvent ? OwnerLevel.Event : OwnerLevel.Link) is { } level:
                return isNegated ? new NotNode(new LiftNode(level, needsOne: true)) : new LiftNode(level, needsOne: true);
            default: return ByRow(operand, isNegated);
        }
    }

    private static ConstantNode Always(bool holds) => holds ? new ConstantNode(true, "true") : ConstantNode.None;

    private RowNode ByRow(Operand operand, bool isNegated)
    {
        if (operand.Readers().Any(static reader => reader.ReadsTrace)) IsExact = false;
        return new RowNode(operand, isNegated);
    }

    private FilterNode CompileJunction(Junction junction, bool isNegated)
    {
        var isAnd = junction.IsAnd != isNegated;
        var operands = new List<(Operand Operand, bool IsNegated)>();
        Flatten(junction, isNegated, isAnd, operands);
        var nodes = isAnd ? CompileAnd(operands) : CompileOr(operands);
        return Combine(nodes, isAnd);
    }

    // Operands of one chain of the same operator, negations above them taken in.
    private static void Flatten(Operand operand, bool isNegated, bool isAnd, List<(Operand Operand, bool IsNegated)> operands)
    {
        if (operand is Negation { Operand: not Field } negation) Flatten(negation.Operand, !isNegated, isAnd, operands);
        else if (operand is Junction junction && junction.IsAnd != isNegated == isAnd)
        {
            Flatten(junction.Left, isNegated, isAnd, operands);
            Flatten(junction.Right, isNegated, isAnd, operands);
        }
        else operands.Add((operand, isNegated));
    }

    private List<FilterNode> CompileOr(List<(Operand Operand, bool IsNegated)> operands)
    {
        var nodes = new List<FilterNode>();
        foreach (var group in MergeComparisons(operands, isAnd: false))
            nodes.Add(group.Test is { } test ? TestLeaf(group.Field!, test) : Compile(group.Operand!, group.IsNegated));
        return nodes;
    }

    private List<FilterNode> CompileAnd(List<(Operand Operand, bool IsNegated)> operands)
    {
        var nodes = new List<FilterNode>();
        var bound = operands.FindAll(static o => ReadsEvents(o.Operand) || ReadsLinks(o.Operand));
        var free = operands.FindAll(static o => !ReadsEvents(o.Operand) && !ReadsLinks(o.Operand));
        foreach (var group in MergeComparisons(free, isAnd: true))
            nodes.Add(group.Test is { } test ? TestLeaf(group.Field!, test) : Compile(group.Operand!, group.IsNegated));
        var ofEvents = bound.FindAll(static o => !ReadsLinks(o.Operand));
        var ofLinks = bound.FindAll(static o => !ReadsEvents(o.Operand));
        if (ofEvents.Count + ofLinks.Count == bound.Count && TryBind(ofEvents, OwnerLevel.Event, out var events)
            && TryBind(ofLinks, OwnerLevel.Link, out var links))
        {
            if (events is not null) nodes.Add(events);
            if (links is not null) nodes.Add(links);
        }
        else if (bound.Count == 1)
        {
            nodes.Add(Compile(bound[0].Operand, bound[0].IsNegated));
        }
        else
        {
            nodes.Add(ByRow(Together(bound), isNegated: false));
        }

        return nodes;
    }

    // The parts of an "and" that read events: one by itself as it is, several as one condition on the columns of events.
    private bool TryBind(List<(Operand Operand, bool IsNegated)> operands, OwnerLevel level, out FilterNode? bound)
    {
        bound = null;
        if (operands.Count == 0) return true;
        if (operands.Count == 1)
        {
            bound = Compile(operands[0].Operand, operands[0].IsNegated);
            return true;
        }

        var parts = new List<FilterNode>();
        foreach (var (operand, isNegated) in operands)
        {
            if (OfLevel(operand, isNegated, level) is not { } part) return false;
            parts.Add(part);
        }

        bound = new LiftNode(new AndNode(parts));
        return true;
    }

    private static Operand Together(List<(Operand Operand, bool IsNegated)> operands)
    {
        var all = Whole(operands[0]);
        for (var i = 1; i < operands.Count; i++) all = new Junction(isAnd: true, all, Whole(operands[i]));
        return all;
    }

    // A field that is no bool is not true in an "or", so that the negation of the "or" may be true; its own negation never is.
    private static Operand Whole((Operand Operand, bool IsNegated) part) => part switch
    {
        (Field field, true) => new Negation(new Junction(isAnd: false, field, new Constant(TraceQlValue.Bool(false)))),
        (var operand, true) => new Negation(operand),
        var (operand, _) => operand,
    };

    /// <summary>The whole condition on the rows of one level; null if it is not one.</summary>
    private static FilterNode? OfLevel(Operand operand, bool isNegated, OwnerLevel level)
    {
        switch (operand)
        {
            case Negation { Operand: Field field }: return LevelLeaf(field.Is(false), isNegated, level, isBare: true);
            case Negation negation: return OfLevel(negation.Operand, !isNegated, level);
            case Field field: return LevelLeaf(field.Is(true), isNegated, level, isBare: true);
            case Comparison comparison: return LevelLeaf(comparison, isNegated, level);
            case Junction junction:
                var isAnd = junction.IsAnd != isNegated;
                if (OfLevel(junction.Left, isNegated, level) is not { } left || OfLevel(junction.Right, isNegated, level) is not { } right)
                    return null;
                return isAnd ? new AndNode([left, right]) : new OrNode([left, right]);
            default: return null;
        }
    }

    private static FilterNode? LevelLeaf(Comparison comparison, bool isNegated, OwnerLevel level, bool isBare = false)
    {
        if (comparison.ComparedField is not { } field || LeafOf(field, new ValueTest([comparison], isAll: false, isBare)) is not { } leaf
            || leaf.Level != level)
            return null;
        return isNegated ? new NotNode(leaf) : leaf;
    }

    private FilterNode Leaf(Comparison comparison, bool isNegated, bool isBare = false)
    {
        if (comparison.Fields.Any(static field => field.ReadsTrace))
        {
            if (knowsTraces && ((FilterNode?)RootSignNode.TryCreate(comparison) ?? TraceDurationNode.TryCreate(comparison)) is { } fact)
                return isNegated ? new NotNode(fact) : fact;
            IsExact = false;
            return new ConstantNode(
                true, $"(decided on whole traces: {string.Join(", ", comparison.Fields.Select(static field => field.Reference))})");
        }

        if (comparison.ComparedField is not { } compared
            || LeafOf(compared, new ValueTest([comparison], isAll: false, isBare)) is not { } leaf)
            return ByRow(comparison, isNegated);
        return Lifted(isNegated ? new NotNode(leaf) : leaf);
    }

    private static FilterNode TestLeaf(FieldReader field, ValueTest test) => Lifted(LeafOf(field, test)!);

    private static FilterNode Lifted(FilterNode node) => node.Level == OwnerLevel.Span ? node : new LiftNode(node);

    /// <summary>The kernel's node for a field against literals; null if there is none.</summary>
    private static FilterNode? LeafOf(FieldReader field, ValueTest test)
    {
        var reference = field.Reference;
        switch (reference.Scope)
        {
            case AttributeScope.Span: return new AttributeNode(OwnerLevel.Span, new KeyTest(reference.Name), test, isUnscoped: false);
            case AttributeScope.Resource:
                return new AttributeNode(OwnerLevel.Resource, new KeyTest(reference.Name), test, isUnscoped: false);
            case AttributeScope.Instrumentation:
                return new AttributeNode(OwnerLevel.Scope, new KeyTest(reference.Name), test, isUnscoped: false);
            case AttributeScope.Event: return new AttributeNode(OwnerLevel.Event, new KeyTest(reference.Name), test, isUnscoped: false);
            case AttributeScope.Link: return new AttributeNode(OwnerLevel.Link, new KeyTest(reference.Name), test, isUnscoped: false);
            case AttributeScope.Unscoped: return new UnscopedNode(new KeyTest(reference.Name), test);
            case AttributeScope.Intrinsic: return IntrinsicLeaf(reference.Intrinsic, test);
            default: return null;
        }
    }

    private static FilterNode? IntrinsicLeaf(Intrinsic intrinsic, ValueTest test)
    {
        if (test.IsExistence) return null;
        switch (intrinsic)
        {
            case Intrinsic.Name or Intrinsic.StatusMessage or Intrinsic.InstrumentationName or Intrinsic.InstrumentationVersion
                or Intrinsic.EventName
                when test.Literal == FieldType.String:
                return new TextColumnNode(intrinsic, test);
            case Intrinsic.Duration when test is { Single: { } single, Literal: FieldType.Int or FieldType.Duration }:
                return new DurationNode(single);
            case Intrinsic.Status when test is
            {
                Single: { Op: FieldOperator.Equal or FieldOperator.NotEqual } single,
                Literal: FieldType.Status
            }:
                return new CodeNode(single);
            case Intrinsic.Kind when test is
            {
                Single: { Op: FieldOperator.Equal or FieldOperator.NotEqual } single,
                Literal: FieldType.Kind
            }:
                return new CodeNode(single);
            case Intrinsic.SpanId or Intrinsic.SpanParentId
                when test is { Single: { Op: FieldOperator.Equal or FieldOperator.NotEqual } single, Literal: FieldType.String }:
                return new SpanIdNode(single);
            default: return null;
        }
    }

    /// <summary>
    /// Brings comparisons of one field with texts or with numbers together: <c>= a || = b || =~ c</c>, <c>!= a &amp;&amp; != b</c>.
    /// Programs write thousands of them, and each would search the columns anew.
    /// </summary>
    private static List<Merged> MergeComparisons(List<(Operand Operand, bool IsNegated)> operands, bool isAnd)
    {
        var merged = new List<Merged>();
        var groups = new Dictionary<(AttributeRef Field, bool IsText), List<Comparison>>();
        var readers = new Dictionary<AttributeRef, FieldReader>();
        foreach (var (operand, isNegated) in operands)
        {
            if (operand is Comparison
                {
                    IsExistence: false, ComparedField: { ReadsTrace: false } field,
                    ComparedTo.Value: var literal
                } comparison && !isNegated && IsMergeable(comparison, field, literal, isAnd))
            {
                var key = (field.Reference, literal.Type == FieldType.String);
                if (!groups.TryGetValue(key, out var group)) groups.Add(key, group = []);
                group.Add(comparison);
                readers.TryAdd(field.Reference, field);
            }
            else
            {
                merged.Add(new Merged(operand, isNegated, null, null));
            }
        }

        foreach (var ((field, _), group) in groups)
            merged.Add(group.Count == 1
                ? new Merged(group[0], false, null, null)
                : new Merged(null, false, readers[field], new ValueTest(group, isAnd)));
        return merged;
    }

    private static bool IsMergeable(Comparison comparison, FieldReader field, FieldValue literal, bool isAnd)
    {
        if (!(literal.IsNumeric || literal.Type == FieldType.String)) return false;
        if (field.Reference.IsIntrinsic && !(literal.Type == FieldType.String
            && field.Reference.Intrinsic is Intrinsic.Name or Intrinsic.StatusMessage or Intrinsic.EventName))
            return false;
        return comparison.Op switch
        {
            FieldOperator.Equal or FieldOperator.Matches => !isAnd,
            FieldOperator.NotEqual or FieldOperator.NotMatches => isAnd,
            _ => false,
        };
    }

    private static FilterNode Combine(List<FilterNode> nodes, bool isAnd)
    {
        var decisive = nodes.Find(node => node is ConstantNode constant && constant.Holds != isAnd);
        if (decisive is not null) return decisive;
        nodes.RemoveAll(static node => node is ConstantNode);
        // Nothing but literals, or facts of the whole trace.
        if (nodes.Count == 0) return Always(isAnd);
        return nodes.Count == 1 ? nodes[0] : isAnd ? new AndNode(nodes) : new OrNode(nodes);
    }

    private static bool ReadsEvents(Operand operand) => operand.BindsEvent;

    private static bool ReadsLinks(Operand operand) => operand.BindsLink;

    /// <summary>An operand as it is, or comparisons of one field that have become one test.</summary>
    private readonly record struct Merged(Operand? Operand, bool IsNegated, FieldReader? Field, ValueTest? Test);
}
