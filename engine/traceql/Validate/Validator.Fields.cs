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
        _ => null,
    };

    private static TraceQlError? CheckAttribute(AttributeRef attribute)
    {
        if (attribute.Intrinsic == Intrinsic.Parent)
            return Unsupported("intrinsic (parent) not yet supported");
        return attribute.Scope is AttributeScope.Parent or AttributeScope.ParentSpan or AttributeScope.ParentResource
            ? Unsupported("parent not yet supported")
            : null;
    }

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
        return binary.Op == FieldOperator.Equal ? CheckEqualsNil(binary.Left, binary.Right) ?? CheckEqualsNil(binary.Right, binary.Left) : null;
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
        if (attribute.IsIntrinsic)
            return Invalid($"{attribute}=nil is not valid because intrinsics cannot be nil");
        // Tempo keeps this one in a column of its own, where it cannot be absent.
        return attribute is { Scope: AttributeScope.Resource, Name: "service.name" }
            ? Invalid($"{attribute}=nil is not valid because {attribute} cannot be nil")
            : null;
    }

    private static bool ReferencesSpan(FieldExpression expression) => expression switch
    {
        AttributeRef => true,
        UnaryExpression unary => ReferencesSpan(unary.Operand),
        BinaryExpression binary => ReferencesSpan(binary.Left) || ReferencesSpan(binary.Right),
        _ => false,
    };
}
