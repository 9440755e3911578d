namespace Tempo.Engine.Query.Evaluate;

/// <summary>"Not". Of a bare field: true only if it is the bool false. Of anything else: the opposite truth.</summary>
internal sealed class Negation(Operand operand) : Operand
{
    public Operand Operand => operand;

    public override FieldValue Evaluate(in SpanCursor span) => ToValue(Test(span));

    public override Truth Test(in SpanCursor span)
    {
        if (operand is Field)
        {
            var value = operand.Evaluate(span);
            return value.Type == FieldType.Unknown ? Truth.Maybe : value is { Type: FieldType.Bool, Bits: 0 } ? Truth.True : Truth.False;
        }

        return operand.Test(span) switch { Truth.True => Truth.False, Truth.False => Truth.True, _ => Truth.Maybe };
    }

    public override IEnumerable<Comparison> Leaves() => operand is Field field ? [field.Is(false)] : operand.Leaves();

    public override bool BindsEvent => operand.BindsEvent;

    public override bool BindsLink => operand.BindsLink;

    public override IEnumerable<FieldReader> Readers() => operand.Readers();
}
