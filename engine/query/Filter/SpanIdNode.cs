using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary><c>span:id</c> or <c>span:parentID</c> against the text of an id: all its digits in lower case, or it is no span's.</summary>
internal sealed class SpanIdNode : FilterNode
{
    private readonly Comparison _comparison;
    private readonly bool _isParent;
    private readonly ulong? _id;

    public SpanIdNode(Comparison comparison)
    {
        _comparison = comparison;
        _isParent = comparison.ComparedField!.Reference.Intrinsic == Intrinsic.SpanParentId;
        var text = comparison.ComparedTo!.Literal.AsString;
        if (text.Length == 2 * SpanId.SizeBytes && text.All(char.IsAsciiHexDigitLower)
            && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id))
            _id = id;
    }

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 3;

    public override double Selectivity => _comparison.Op == FieldOperator.NotEqual ? 1 : 0.001;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        scope.Batch.Require(BatchColumns.SpanIds);
        var ids = (_isParent ? scope.Batch.ParentSpanId : scope.Batch.SpanId).AsSpan(0, scope.SpanCount);
        if (_id is { } id) MarkKernel.Run(scope.Kernel, ids, new EqualTo<ulong>(id), marks);
        else marks.Clear();
        if (_comparison.Op == FieldOperator.NotEqual) Bitmap.Not(marks, scope.SpanCount);
    }

    public override string ToString() =>
        $"{(_isParent ? "span:parentID" : "span:id")} {_comparison.Op.Text()} {_comparison.ComparedTo!.Literal}";
}
