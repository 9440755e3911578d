using System.Buffers;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// The trace's duration against a whole number: asked once a trace, as the block says when it begins and ends. Only for traces that lie
/// in the block alone.
/// </summary>
internal sealed class TraceDurationNode : FilterNode
{
    private readonly Comparison _comparison;

    private TraceDurationNode(Comparison comparison) => _comparison = comparison;

    /// <summary>The node; null if it is another comparison.</summary>
    public static TraceDurationNode? TryCreate(Comparison comparison) =>
        comparison is
        {
            IsExistence: false, ComparedField.Reference: { Intrinsic: Intrinsic.TraceDuration, IsOfParent: false },
            ComparedTo.Value.Type: FieldType.Int or FieldType.Duration or FieldType.Float
        } && !comparison.Op.IsRegex()
            ? new TraceDurationNode(comparison)
            : null;

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 0.5;

    public override double Selectivity => 0.3;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        var batch = scope.Batch;
        var answers = ArrayPool<byte>.Shared.Rent(batch.TraceCount + LookupKernel.PaddingBytes);
        for (var trace = 0; trace < batch.TraceCount; trace++)
        {
            var duration = (long)Math.Min(batch.TraceEnd[trace] - batch.TraceStart[trace], long.MaxValue);
            answers[trace] = _comparison.HoldsOf(FieldValue.Number(FieldType.Duration, duration)) ? (byte)1 : (byte)0;
        }

        LookupKernel.Run(scope.Kernel, batch.Trace.AsSpan(0, scope.SpanCount), answers, marks);
        ArrayPool<byte>.Shared.Return(answers);
    }

    public override string ToString() => $"traceDuration {_comparison.Op.Text()} {_comparison.ComparedTo!.Literal}";
}
