using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// <c>nestedSetParent</c> against a number of 0 or less, which asks whether the span is a root (-1), hangs below one (1 and more) or below
/// none (0): the column of the block knows it, whatever order the tree was numbered in. Only for traces that lie in the block alone.
/// </summary>
internal sealed class RootSignNode : FilterNode
{
    private readonly Comparison _comparison;

    // By sign + 1.
    private readonly bool[] _holds;

    private RootSignNode(Comparison comparison)
    {
        _comparison = comparison;
        _holds = [HoldsOf(-1), HoldsOf(0), HoldsOf(1)];
    }

    /// <summary>The node; null if it is another comparison.</summary>
    public static RootSignNode? TryCreate(Comparison comparison) =>
        comparison is
        {
            IsExistence: false, ComparedField.Reference: { Intrinsic: Intrinsic.NestedSetParent, IsOfParent: false },
            ComparedTo.Value: { Type: FieldType.Int, Bits: <= 0 }
        } && !comparison.Op.IsRegex()
            ? new RootSignNode(comparison)
            : null;

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 1;

    public override double Selectivity => _holds[0] && !_holds[2] ? 0.05 : 0.9;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        scope.Batch.Require(BatchColumns.ParentSigns);
        var signs = scope.Batch.ParentSign.AsSpan(0, scope.SpanCount);
        marks.Clear();
        using var found = FilterScope.Rent(scope.SpanCount);
        for (var sign = 0; sign < _holds.Length; sign++)
        {
            if (!_holds[sign]) continue;
            MarkKernel.Run(scope.Kernel, signs, new EqualTo<byte>((byte)sign), found.Bits);
            Bitmap.Or(marks, found.Bits);
        }
    }

    private bool HoldsOf(long parent) => _comparison.HoldsOf(FieldValue.Number(FieldType.Int, parent));

    public override string ToString() => $"nestedSetParent {_comparison.Op.Text()} {_comparison.ComparedTo!.Literal}";
}
