using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Fold;

/// <summary>
/// The tree of <c>a || b || c …</c> (and of <c>&amp;&amp;</c>). Written by programs, such chains have thousands of operands. The
/// operators are associative, so a long chain becomes a balanced tree, low enough for everybody to recurse into; a
/// short one leans left as the grammar says, and prints as Tempo prints it.
/// </summary>
internal static class LogicalChain
{
    /// <summary>Operands up to which a chain leans left. Any small number will do; this many levels trouble nobody.</summary>
    internal const int MaxLeaningOperands = 64;

    internal static FieldExpression Build(FieldOperator op, List<FieldExpression> operands)
    {
        if (operands.Count > MaxLeaningOperands)
            return BuildBalanced(op, operands, 0, operands.Count);
        FieldExpression chain = operands[0];
        for (int i = 1; i < operands.Count; i++)
            chain = ConstantFolding.Binary(op, chain, operands[i]);
        return chain;
    }

    /// <summary>The operands of a balanced chain in their order, or null when the tree is none that Build would balance.</summary>
    internal static List<FieldExpression>? TryFlatten(BinaryExpression chain)
    {
        // A balanced chain has its operands halved at the top; cheap to see for most trees that are none.
        if (!chain.Op.IsLogical() || !IsSameOperator(chain.Left, chain.Op) || !IsSameOperator(chain.Right, chain.Op))
            return null;
        var operands = new List<FieldExpression>();
        Collect(chain, chain.Op, operands);
        return operands.Count > MaxLeaningOperands && IsBalanced(chain, chain.Op, operands.Count) ? operands : null;
    }

    private static FieldExpression BuildBalanced(FieldOperator op, List<FieldExpression> operands, int start, int count)
    {
        if (count == 1)
            return operands[start];
        int half = count / 2;
        return ConstantFolding.Binary(
            op, BuildBalanced(op, operands, start, half), BuildBalanced(op, operands, start + half, count - half));
    }

    private static void Collect(FieldExpression expression, FieldOperator op, List<FieldExpression> operands)
    {
        if (expression is BinaryExpression binary && binary.Op == op)
        {
            Collect(binary.Left, op, operands);
            Collect(binary.Right, op, operands);
        }
        else
        {
            operands.Add(expression);
        }
    }

    /// <summary>True when the tree has the shape of a balanced chain of <paramref name="count"/> operands.</summary>
    private static bool IsBalanced(FieldExpression expression, FieldOperator op, int count)
    {
        if (count <= 1 || !IsSameOperator(expression, op))
            return count == 1 && !IsSameOperator(expression, op);
        var binary = (BinaryExpression)expression;
        int half = count / 2;
        return IsBalanced(binary.Left, op, half) && IsBalanced(binary.Right, op, count - half);
    }

    private static bool IsSameOperator(FieldExpression expression, FieldOperator op) =>
        expression is BinaryExpression binary && binary.Op == op;
}
