using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// Arithmetic on numbers, by the rules that constants are folded with. Where there is no number (a missing field, a text, an
/// array, an int divided by zero) the result is nil, and a comparison with it false; Tempo fails the whole query instead.
/// </summary>
internal sealed class Arithmetic(FieldOperator op, Operand left, Operand right) : Operand
{
    public override bool BindsEvent => left.BindsEvent || right.BindsEvent;

    public override bool BindsLink => left.BindsLink || right.BindsLink;

    public override IEnumerable<FieldReader> Readers() => left.Readers().Concat(right.Readers());

    public override FieldValue Evaluate(in SpanCursor span)
    {
        var a = left.Evaluate(span);
        var b = right.Evaluate(span);
        if (a.Type == FieldType.Unknown || b.Type == FieldType.Unknown) return FieldValue.Unknown;
        if (!a.IsNumeric || !b.IsNumeric || !TraceQlArithmetic.TryCompute(op, ToTraceQl(a), ToTraceQl(b), out var result))
            return FieldValue.Nil;
        return result.Type == TraceQlType.Int ? FieldValue.Number(FieldType.Int, result.AsInt) : FieldValue.Float(result.AsFloat);
    }

    private static TraceQlValue ToTraceQl(in FieldValue number) => number.Type switch
    {
        FieldType.Int => TraceQlValue.Int(number.Bits),
        FieldType.Duration => TraceQlValue.Duration(number.Bits),
        _ => TraceQlValue.Float(number.AsDouble),
    };
}
