using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Operators.Rows;

/// <summary>
/// Chooses the spans of all traces of a page at once, by filters and by where they stand to each other: the same that a
/// <see cref="SpanSelector"/> chooses trace by trace. Only for pages of blocks that this engine wrote, and right for the traces that lie
/// there alone. One thread's.
/// </summary>
internal abstract class RowSelector
{
    /// <summary>Null for an expression with a condition that columns alone cannot decide.</summary>
    public static RowSelector? TryCompile(SpansetExpression expression, KernelKind kernel)
    {
        if (expression is SpansetOperation operation)
            return TryCompile(operation.Left, kernel) is { } left && TryCompile(operation.Right, kernel) is { } right ? new JoinedRows(operation.Op, left, right) : null;
        var filter = SpanFilter.CreateForWholeTraces(((SpansetFilter)expression).Condition, kernel);
        return filter.IsExact ? new FilteredRows(filter) : null;
    }

    /// <summary>From now on choosing ends, within a millisecond or so, when this is cancelled.</summary>
    public abstract void Watch(CancellationToken cancellation);

    /// <summary>
    /// Overwrites <paramref name="marks"/>, a bit for each row. False if the page's numbers are not those of trees: then they must be
    /// found out anew, on whole traces.
    /// </summary>
    public abstract bool TryMark(SpanBatch batch, Span<ulong> marks);

    /// <summary><c>{ condition }</c>.</summary>
    private sealed class FilteredRows(SpanFilter filter) : RowSelector
    {
        public override void Watch(CancellationToken cancellation) => filter.Watch(cancellation);

        public override bool TryMark(SpanBatch batch, Span<ulong> marks)
        {
            marks.Clear();
            filter.Mark(batch, batch.SpanCount, marks);
            return true;
        }
    }

    /// <summary><c>left op right</c>.</summary>
    private sealed class JoinedRows(SpansetOperator op, RowSelector left, RowSelector right) : RowSelector
    {
        private readonly TreeJoin _join = new(op);

        public override void Watch(CancellationToken cancellation)
        {
            left.Watch(cancellation);
            right.Watch(cancellation);
        }

        public override bool TryMark(SpanBatch batch, Span<ulong> marks)
        {
            using var ofLeft = FilterScope.Rent(batch.SpanCount);
            using var ofRight = FilterScope.Rent(batch.SpanCount);
            if (!left.TryMark(batch, ofLeft.Bits) || !right.TryMark(batch, ofRight.Bits)) return false;
            marks.Clear();
            return _join.TryJoin(batch, ofLeft.Bits, ofRight.Bits, marks);
        }
    }
}
