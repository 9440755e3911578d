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
    /// <summary>
    /// For spansets one after the other (<c>{ a } | { b } &gt;&gt; { c }</c>), each of which chooses from what the one before chose. Null
    /// if there is a condition that columns alone cannot decide.
    /// </summary>
    public static RowSelector? TryCompile(IReadOnlyList<SpansetExpression> stages, KernelKind kernel)
    {
        RowSelector? all = null;
        foreach (var stage in stages)
        {
            if (TryCompile(stage, kernel) is not { } next) return null;
            all = all is null ? next : new ChainedRows(all, next);
        }

        return all;
    }

    private static RowSelector? TryCompile(SpansetExpression expression, KernelKind kernel)
    {
        if (expression is SpansetOperation operation)
            return TryCompile(operation.Left, kernel) is { } left && TryCompile(operation.Right, kernel) is { } right
                ? new JoinedRows(operation.Op, left, right)
                : null;
        var filter = SpanFilter.CreateForWholeTraces(((SpansetFilter)expression).Condition, kernel);
        return filter.IsExact ? new FilteredRows(filter) : null;
    }

    /// <summary>From now on choosing ends, within a millisecond or so, when this is cancelled.</summary>
    public abstract void Watch(CancellationToken cancellation);

    /// <summary>
    /// Overwrites <paramref name="marks"/>, a bit for each row, with those that are chosen from the rows <paramref name="within"/>; none:
    /// from all. False if the page's numbers are not those of trees: then they must be found out anew, on whole traces.
    /// </summary>
    public abstract bool TryMark(SpanBatch batch, ReadOnlySpan<ulong> within, Span<ulong> marks);

    /// <summary><c>{ condition }</c>.</summary>
    private sealed class FilteredRows(SpanFilter filter) : RowSelector
    {
        public override void Watch(CancellationToken cancellation) => filter.Watch(cancellation);

        public override bool TryMark(SpanBatch batch, ReadOnlySpan<ulong> within, Span<ulong> marks)
        {
            marks.Clear();
            filter.Mark(batch, batch.SpanCount, marks);
            if (!within.IsEmpty) Bitmap.And(marks, within);
            return true;
        }
    }

    /// <summary><c>left op right</c>, both chosen from the same rows.</summary>
    private sealed class JoinedRows(SpansetOperator op, RowSelector left, RowSelector right) : RowSelector
    {
        private readonly TreeJoin _join = new(op);

        public override void Watch(CancellationToken cancellation)
        {
            left.Watch(cancellation);
            right.Watch(cancellation);
        }

        public override bool TryMark(SpanBatch batch, ReadOnlySpan<ulong> within, Span<ulong> marks)
        {
            using var ofLeft = FilterScope.Rent(batch.SpanCount);
            using var ofRight = FilterScope.Rent(batch.SpanCount);
            if (!left.TryMark(batch, within, ofLeft.Bits) || !right.TryMark(batch, within, ofRight.Bits)) return false;
            marks.Clear();
            return _join.TryJoin(batch, ofLeft.Bits, ofRight.Bits, marks);
        }
    }

    /// <summary><c>first | next</c>.</summary>
    private sealed class ChainedRows(RowSelector first, RowSelector next) : RowSelector
    {
        public override void Watch(CancellationToken cancellation)
        {
            first.Watch(cancellation);
            next.Watch(cancellation);
        }

        public override bool TryMark(SpanBatch batch, ReadOnlySpan<ulong> within, Span<ulong> marks)
        {
            using var chosen = FilterScope.Rent(batch.SpanCount);
            if (!first.TryMark(batch, within, chosen.Bits)) return false;
            if (!Bitmap.IsEmpty(chosen.Bits)) return next.TryMark(batch, chosen.Bits, marks);
            marks.Clear();
            return true;
        }
    }
}
