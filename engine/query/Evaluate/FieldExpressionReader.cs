using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// The value of a field expression on a span: what by() and aggregates work on. Of events and links, the first that has one.
/// </summary>
internal sealed class FieldExpressionReader
{
    private readonly Operand _root;
    private readonly bool _readsEvents;
    private readonly bool _readsLinks;

    public FieldExpressionReader(FieldExpression expression)
    {
        _root = OperandCompiler.Compile(expression);
        _readsEvents = _root.BindsEvent;
        _readsLinks = _root.BindsLink;
    }

    public FieldValue Read(in SpanCursor span)
    {
        foreach (var bound in new EventBindings(span, _readsEvents, _readsLinks))
            if (_root.Evaluate(bound) is { Type: not FieldType.Nil } value)
                return value;
        return FieldValue.Nil;
    }
}
