using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// The span's duration against a whole number of nanoseconds: a range of 64-bit numbers. A duration beyond 2^63 counts as 2^63 - 1.
/// </summary>
internal sealed class DurationNode : FilterNode
{
    private readonly Comparison _comparison;
    private readonly bool _isOutside;

    // Inclusive; Min above Max is nothing.
    private readonly ulong _min;
    private readonly ulong _max;

    public DurationNode(Comparison comparison)
    {
        _comparison = comparison;
        var literal = comparison.ComparedTo!.Value.Bits;
        _isOutside = comparison.Op == FieldOperator.NotEqual;
        (_min, _max) = comparison.Op switch
        {
            FieldOperator.Less => literal <= 0 ? Nothing : (0, (ulong)literal - 1),
            FieldOperator.LessOrEqual => literal < 0 ? Nothing : (0, Top(literal)),
            FieldOperator.Greater => literal == long.MaxValue ? Nothing : (literal < 0 ? 0 : (ulong)literal + 1, ulong.MaxValue),
            FieldOperator.GreaterOrEqual => (literal < 0 ? 0 : (ulong)literal, ulong.MaxValue),
            _ => literal < 0 ? Nothing : ((ulong)literal, Top(literal)),
        };
    }

    private static (ulong Min, ulong Max) Nothing => (1, 0);

    private static ulong Top(long literal) => literal == long.MaxValue ? ulong.MaxValue : (ulong)literal;

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 1.5;

    public override double Selectivity =>
        _comparison.Op switch
        {
            FieldOperator.Equal => 0.01,
            FieldOperator.Less or FieldOperator.LessOrEqual => 0.7,
            FieldOperator.NotEqual => 0.99,
            _ => 0.1
        };

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        scope.Batch.Require(BatchColumns.Durations);
        MarkKernel.Run(
            scope.Kernel, scope.Batch.DurationNano.AsSpan(0, scope.SpanCount), new InRange<ulong>(ulong.MaxValue, _min, _max), marks);
        if (_isOutside) Bitmap.Not(marks, scope.SpanCount);
    }

    public override FilterNode? FindExcluding(ISpanFacts facts)
    {
        var (min, max) = facts.Durations;
        return !_isOutside && (min > _max || max < _min) ? this : null;
    }

    public override string ToString() => $"duration {_comparison.Op.Text()} {_comparison.ComparedTo!.Literal}";
}
