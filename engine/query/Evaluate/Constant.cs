using System.Text;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>A literal.</summary>
internal sealed class Constant(TraceQlValue literal) : Operand
{
    public FieldValue Value { get; } = literal.Type switch
    {
        TraceQlType.Int => FieldValue.Number(FieldType.Int, literal.AsInt),
        TraceQlType.Float => FieldValue.Float(literal.AsFloat),
        TraceQlType.Duration => FieldValue.Number(FieldType.Duration, literal.AsDurationNano),
        TraceQlType.Bool => FieldValue.Bool(literal.AsBool),
        TraceQlType.Status => FieldValue.Number(FieldType.Status, (long)literal.AsStatus),
        TraceQlType.Kind => FieldValue.Number(FieldType.Kind, (long)literal.AsKind),
        TraceQlType.String => FieldValue.Text(Encoding.UTF8.GetBytes(literal.AsString)),
        _ => FieldValue.Nil,
    };

    public TraceQlValue Literal => literal;

    public bool IsNil => Value.Type == FieldType.Nil;

    public override FieldValue Evaluate(in SpanCursor span) => Value;
}
