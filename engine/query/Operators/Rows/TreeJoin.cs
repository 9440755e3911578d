using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Operators.Rows;

/// <summary>
/// An operator between two sets of rows of a page, for each trace by itself (specification TraceQL §5.1); what <see cref="SpanJoin"/> does
/// on lists. Not thread safe.
/// </summary>
internal sealed class TreeJoin(SpansetOperator op)
{
    private readonly TreeRelation _relation = new();

    /// <summary>
    /// Adds the result to <paramref name="marks"/>, which is empty. False if the numbers of a trace are not those of a tree.
    /// </summary>
    public bool TryJoin(SpanBatch batch, ReadOnlySpan<ulong> left, ReadOnlySpan<ulong> right, Span<ulong> marks)
    {
        if (op == SpansetOperator.Or)
        {
            left.CopyTo(marks);
            Bitmap.Or(marks, right);
            return true;
        }

        var needsLeft = !IsNegated;
        if (Bitmap.IsEmpty(right) || needsLeft && Bitmap.IsEmpty(left)) return true;
        if (op != SpansetOperator.And) batch.Require(BatchColumns.TreeNumbers);
        var traces = batch.Trace.AsSpan(0, batch.SpanCount);
        for (int first = 0, end; first < traces.Length; first = end)
        {
            end = first + 1;
            while (end < traces.Length && traces[end] == traces[first]) end++;
            if (Bitmap.HasAny(right, first, end) && (!needsLeft || Bitmap.HasAny(left, first, end))
                && !TryJoinTrace(batch, first, end, left, right, marks))
                return false;
        }

        return true;
    }

    private bool IsNegated =>
        op is SpansetOperator.NotChild or SpansetOperator.NotDescendant or SpansetOperator.NotParent or SpansetOperator.NotAncestor
            or SpansetOperator.NotSibling;

    private bool TryJoinTrace(SpanBatch batch, int first, int end, ReadOnlySpan<ulong> left, ReadOnlySpan<ulong> right, Span<ulong> marks)
    {
        if (op == SpansetOperator.And)
        {
            Bitmap.OrRange(marks, left, first, end);
            Bitmap.OrRange(marks, right, first, end);
            return true;
        }

        if (!_relation.TryBegin(batch, first, end)) return false;
        switch (op)
        {
            case SpansetOperator.Child or SpansetOperator.NotChild:
                _relation.Mark(TreeRelationKind.Child, left, right, IsNegated, marks); break;
            case SpansetOperator.Descendant or SpansetOperator.NotDescendant:
                _relation.Mark(TreeRelationKind.Descendant, left, right, IsNegated, marks); break;
            case SpansetOperator.Parent or SpansetOperator.NotParent:
                _relation.Mark(TreeRelationKind.Parent, left, right, IsNegated, marks); break;
            case SpansetOperator.Ancestor or SpansetOperator.NotAncestor:
                _relation.Mark(TreeRelationKind.Ancestor, left, right, IsNegated, marks); break;
            case SpansetOperator.Sibling or SpansetOperator.NotSibling:
                _relation.Mark(TreeRelationKind.Sibling, left, right, IsNegated, marks); break;
            case SpansetOperator.UnionChild: MarkBoth(TreeRelationKind.Child, TreeRelationKind.Parent, left, right, marks); break;
            case SpansetOperator.UnionDescendant:
                MarkBoth(TreeRelationKind.Descendant, TreeRelationKind.Ancestor, left, right, marks); break;
            case SpansetOperator.UnionParent: MarkBoth(TreeRelationKind.Parent, TreeRelationKind.Child, left, right, marks); break;
            case SpansetOperator.UnionAncestor: MarkBoth(TreeRelationKind.Ancestor, TreeRelationKind.Descendant, left, right, marks); break;
            case SpansetOperator.UnionSibling: MarkBoth(TreeRelationKind.Sibling, TreeRelationKind.Sibling, left, right, marks); break;
            default: throw new InvalidOperationException($"{op} is not an operator between spans");
        }

        return true;
    }

    // The spans of the right that stand in the relation, and those of the left to which these do.
    private void MarkBoth(
        TreeRelationKind kind, TreeRelationKind inverse, ReadOnlySpan<ulong> left, ReadOnlySpan<ulong> right, Span<ulong> marks)
    {
        using var related = Filter.FilterScope.Rent(marks.Length * 64);
        related.Bits.Clear();
        _relation.Mark(kind, left, right, isNegated: false, related.Bits);
        _relation.Mark(inverse, related.Bits, left, isNegated: false, marks);
        Bitmap.Or(marks, related.Bits);
    }
}
