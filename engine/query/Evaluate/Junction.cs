namespace Tempo.Engine.Query.Evaluate;

/// <summary>"And" or "or" of two conditions; the right one is looked at only if it matters.</summary>
internal sealed class Junction(bool isAnd, Operand left, Operand right) : Operand
{
    public bool IsAnd => isAnd;

    public Operand Left => left;

    public Operand Right => right;

    public override FieldValue Evaluate(in SpanCursor span) => ToValue(Test(span));

    public override Truth Test(in SpanCursor span)
    {
        var first = left.Test(span);
        if (first == (isAnd ? Truth.False : Truth.True)) return first;
        var second = right.Test(span);
        return isAnd == first < second ? first : second;
    }

    public override IEnumerable<Comparison> Leaves() => left.Leaves().Concat(right.Leaves());

    public override bool BindsEvent => left.BindsEvent || right.BindsEvent;

    public override bool BindsLink => left.BindsLink || right.BindsLink;

    public override IEnumerable<FieldReader> Readers() => left.Readers().Concat(right.Readers());
}
