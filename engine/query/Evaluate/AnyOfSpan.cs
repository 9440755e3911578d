namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// <c>event{ … }</c> and <c>link{ … }</c>: is the condition true of one of the span's events (links)? It looks through them by
/// itself, whichever one the rest of the filter speaks of.
/// </summary>
internal sealed class AnyOfSpan(bool isEvent, Operand condition) : Operand
{
    public bool IsEvent => isEvent;

    public Operand Condition => condition;

    public override bool BindsEvent => !isEvent && condition.BindsEvent;

    public override bool BindsLink => isEvent && condition.BindsLink;

    // It is tried anew for each link (event) that the rest of the filter looks at.
    private readonly bool _triesPairs = isEvent ? condition.BindsLink : condition.BindsEvent;

    public override FieldValue Evaluate(in SpanCursor span) => ToValue(Test(span));

    public override Truth Test(in SpanCursor span)
    {
        if (_triesPairs) EventBindings.CheckPairs(span);
        var starts = isEvent ? span.Batch.EventStart : span.Batch.LinkStart;
        var best = Truth.False;
        var bound = span;
        for (var i = starts[span.Row]; i < starts[span.Row + 1] && best != Truth.True; i++)
        {
            if (isEvent) bound.Event = i;
            else bound.Link = i;
            var truth = condition.Test(bound);
            if (truth > best) best = truth;
        }

        return best;
    }

    public override IEnumerable<FieldReader> Readers() => condition.Readers();
}
