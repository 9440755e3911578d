using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>An attribute or intrinsic.</summary>
internal sealed class Field(FieldReader reader) : Operand
{
    public FieldReader Reader => reader;

    public override FieldValue Evaluate(in SpanCursor span) => reader.Read(span);

    public override bool BindsEvent => reader.ReadsEvents;

    public override bool BindsLink => reader.ReadsLinks;

    public override IEnumerable<FieldReader> Readers() => [reader];

    public override IEnumerable<Comparison> Leaves() => [Is(true)];

    /// <summary>The comparison that a bare <c>.x</c> (or <c>!.x</c>) stands for.</summary>
    public Comparison Is(bool value) => new(FieldOperator.Equal, this, new Constant(TraceQlValue.Bool(value)));
}
