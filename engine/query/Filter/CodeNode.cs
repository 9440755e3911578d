using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>Status or kind: a byte. A number that OTLP does not know counts as 0.</summary>
internal sealed class CodeNode(Comparison comparison) : FilterNode
{
    private readonly bool _isStatus = comparison.ComparedField!.Reference.Intrinsic == Intrinsic.Status;
    private readonly byte _code = (byte)comparison.ComparedTo!.Value.Bits;

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 1;

    public override double Selectivity =>
        comparison.Op == FieldOperator.NotEqual ? 0.8 : _isStatus && _code == SpanBatch.StatusError ? 0.03 : 0.3;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        if (!_isStatus) scope.Batch.Require(BatchColumns.Kind);
        var column = (_isStatus ? scope.Batch.Status : scope.Batch.Kind).AsSpan(0, scope.SpanCount);
        var mask = _isStatus ? SpanBatch.StatusCodeMask : byte.MaxValue;
        var last = (byte)(_isStatus ? (int)TraceQlStatus.Error : (int)TraceQlKind.Consumer);
        var isNot = comparison.Op == FieldOperator.NotEqual;
        if (_code == 0)
        {
            MarkKernel.Run(scope.Kernel, column, new InRange<byte>(mask, 1, last), marks);
            isNot = !isNot;
        }
        else
        {
            MarkKernel.Run(scope.Kernel, column, new InRange<byte>(mask, _code, _code), marks);
        }

        if (isNot) Bitmap.Not(marks, scope.SpanCount);
    }

    public override FilterNode? FindExcluding(ISpanFacts facts)
    {
        var (min, max) = _isStatus ? facts.StatusCodes : facts.Kinds;
        var last = (ulong)(_isStatus ? (int)TraceQlStatus.Error : (int)TraceQlKind.Consumer);
        // Beyond what OTLP knows every number counts as 0.
        if (max > last) return null;
        return comparison.Op == FieldOperator.NotEqual ? (min == _code && max == _code ? this : null)
            : _code < min || _code > max ? this
            : null;
    }

    public override string ToString() => $"{(_isStatus ? "status" : "kind")} {comparison.Op.Text()} {comparison.ComparedTo!.Literal}";
}
