using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Patterns;

namespace Tempo.Engine.TraceQL.Validate;

/// <summary>Field expressions: types of operands, nil, regular expressions, what is not supported.</summary>
internal static partial class Validator
{
    private static TraceQlError? CheckField(FieldExpression expression) => expression switch
    {
        AttributeRef attribute => CheckAttribute(attribute),
        UnaryExpression unary => CheckUnary(unary),
        BinaryExpression binary => CheckField(binary.Left) ?? CheckField(binary.Right) ?? CheckBinary(binary),
        AnyOf anyOf => CheckField(anyOf.Condition) ?? CheckAnyOf(anyOf),
        _ => null,
    };

    private static TraceQlError? CheckAttribute(AttributeRef attribute)
    {
        return attribute.Intrinsic == Intrinsic.Parent ? Unsupported("intrinsic (parent) not yet supported") : null;
    }

    private static TraceQlError? CheckAnyOf(AnyOf anyOf)
    {
        string word = anyOf.IsEvent ? "event" : "link";
        // Each looks through all events of a span: of ten within each other a hundred events make a hundred to the tenth.
        if (anyOf.Condition.Tree().Any(static node => node is AnyOf))
            return Invalid($"event{{ }} and link{{ }} cannot stand within each other: {anyOf}");
        if (anyOf.Condition.Type is not (TraceQlType.Bool or TraceQlType.Attribute))
            return Invalid($"a condition on one {word} must resolve to a boolean: {anyOf}");
        return ReferencedAttributes.Of(anyOf.Condition).Any(field => IsOf(anyOf.IsEvent, field))
            ? null
            : Invalid($"a condition on one {word} must reference the {word}: {anyOf}");
    }

    private static bool IsOf(bool isEvent, AttributeRef field) => isEvent
        ? field.Scope == AttributeScope.Event || field.Intrinsic is Intrinsic.EventName or Intrinsic.EventTimeSinceStart
        : field.Scope == AttributeScope.Link || field.Intrinsic is Intrinsic.LinkTraceId or Intrinsic.LinkSpanId;

    private static TraceQlError? CheckUnary(UnaryExpression unary)
    {
        if (CheckField(unary.Operand) is { } error)
            return error;
        TraceQlType type = unary.Operand.Type;
        bool isLegal = type == TraceQlType.Attribute
            || (unary.Op == UnaryOperator.Not ? type == TraceQlType.Bool : type.IsNumeric());
        return isLegal ? null : Invalid($"illegal operation for the given type: {unary}");
    }

    private static TraceQlError? CheckBinary(BinaryExpression binary)
    {
        TraceQlType left = binary.Left.Type;
        TraceQlType right = binary.Right.Type;
        if (!Match(left, right))
            return Invalid($"binary operations must operate on the same type: {binary}");
        if (!IsLegal(binary.Op, left) || !IsLegal(binary.Op, right))
            return Invalid($"illegal operation for the given types: {binary}");
        if (binary.Op.IsRegex())
            return CheckRegex(binary);
        return binary.Op == FieldOperator.Equal
            ? CheckEqualsNil(binary.Left, binary.Right) ?? CheckEqualsNil(binary.Right, binary.Left)
            : null;
    }

    private static bool Match(TraceQlType left, TraceQlType right) =>
        left == right
        || left is TraceQlType.Attribute or TraceQlType.Nil
        || right is TraceQlType.Attribute or TraceQlType.Nil
        || left.IsNumeric() && right.IsNumeric();

    private static bool IsLegal(FieldOperator op, TraceQlType type)
    {
        if (type == TraceQlType.Attribute || op is FieldOperator.Equal or FieldOperator.NotEqual)
            return true;
        if (op.IsLogical())
            return type == TraceQlType.Bool;
        if (op.IsRegex())
            return type == TraceQlType.String;
        return type.IsNumeric() || op.IsOrder() && type == TraceQlType.String;
    }

    private static TraceQlError? CheckRegex(BinaryExpression binary)
    {
        if (binary.Right is not Literal { Value: { Type: TraceQlType.String } pattern })
            return Invalid($"invalid type for =~ or !~: {binary.Right}");
        return TraceQlRegex.TryCompile(pattern.AsString, out _, out _) ? null : Invalid($"invalid regex: {pattern}");
    }

    private static TraceQlError? CheckEqualsNil(FieldExpression side, FieldExpression other)
    {
        if (other is not Literal { Value.IsNil: true } || side is not AttributeRef attribute)
            return null;
        // A root has no parent, and a span's parent may be missing.
        if (attribute.Intrinsic == Intrinsic.SpanParentId || attribute.IsOfParent)
            return null;
        if (attribute.IsIntrinsic)
            return Invalid($"{attribute}=nil is not valid because intrinsics cannot be nil");
        // Tempo keeps this one in a column of its own, where it cannot be absent.
        return attribute is { Scope: AttributeScope.Resource, Name: "service.name" }
            ? Invalid($"{attribute}=nil is not valid because {attribute} cannot be nil")
            : null;
    }

    private static bool ReferencesSpan(FieldExpression expression) => expression.Tree().Any(static node => node is AttributeRef or AnyOf);
}
