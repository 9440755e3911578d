using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// A span filter's condition, ready to be tried on spans (specification TraceQL §4). A comparison with a missing field is
/// false, and its negation true. Conditions on events must be met by one event, conditions on links by one link.
/// <para>
/// Where we differ from Tempo 3.0.3 on purpose: numbers compare whatever their types and whichever side the literal is on; a
/// negated comparison is evaluated and not only its leaves; "= nil" means what it says; != and !~ of an array need all
/// elements to differ; a field of the wrong type, arithmetic on it and a division by zero match nothing instead of failing
/// the query; a ^ b of ints is a to the power of b.
/// </para>
/// <para>
/// Without the whole trace at hand a field of the trace is unknown, and the answer is "maybe" unless the rest decides it:
/// that is how a batch is scanned for candidates. Not thread safe: it remembers what it found out about string tables.
/// </para>
/// </summary>
internal sealed class Condition
{
    private readonly Operand _root;
    private readonly bool _readsEvents;
    private readonly bool _readsLinks;
    private readonly Patience? _patience;

    /// <param name="expression">What is to be true.</param>
    /// <param name="patience">Asked while the events and links of one span are tried, which may be a million.</param>
    public Condition(FieldExpression expression, Patience? patience = null)
    {
        _patience = patience;
        _root = OperandCompiler.Compile(expression);
        Leaves = [.. _root.Leaves()];
        _readsEvents = _root.BindsEvent;
        _readsLinks = _root.BindsLink;
    }

    /// <summary>It reads events or links, so that it may hold of one and not of another.</summary>
    public bool HasBindings => _readsEvents || _readsLinks;

    /// <summary>The attributes and intrinsics it reads.</summary>
    public IEnumerable<AttributeRef> Fields => _root.Readers().Select(static reader => reader.Reference);

    /// <summary>The comparisons that the condition is made of.</summary>
    public IReadOnlyList<Comparison> Leaves { get; }

    /// <summary>False only if the span cannot match.</summary>
    public bool MayMatch(SpanBatch batch, int row) => Test(SpanCursor.At(batch, row)) != Truth.False;

    /// <summary>Does span <paramref name="index"/> of a complete trace match?</summary>
    public bool Matches(OrderedTrace trace, int index) => Test(SpanCursor.At(trace, index)) == Truth.True;

    public Truth Test(in SpanCursor span)
    {
        if (!_readsEvents && !_readsLinks) return _root.Test(span);
        var best = Truth.False;
        foreach (var bound in Bindings(span))
        {
            _patience?.Look();
            var truth = _root.Test(bound);
            if (truth > best) best = truth;
            if (best == Truth.True) break;
        }

        return best;
    }

    /// <summary>Is it true of this event and link of the span?</summary>
    public bool HoldsFor(in SpanCursor bound) => _root.Test(bound) == Truth.True;

    /// <summary>The span's events and links, as far as the condition reads them.</summary>
    public EventBindings Bindings(in SpanCursor span) => new(span, _readsEvents, _readsLinks);
}
