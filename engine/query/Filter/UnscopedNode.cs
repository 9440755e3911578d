using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary><c>.x</c>: the span's own value counts, and the resource's where the span has none.</summary>
internal sealed class UnscopedNode(KeyTest key, ValueTest test) : FilterNode
{
    private readonly AttributeNode _span = new(OwnerLevel.Span, key, test, isUnscoped: true);
    private readonly LiftNode _resource = new(new AttributeNode(OwnerLevel.Resource, new KeyTest(key.Name), test, isUnscoped: true));

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => _span.Cost + _resource.Cost;

    public override double Selectivity => test.Selectivity;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        using var ofResource = FilterScope.Rent(scope.SpanCount);
        _resource.Mark(scope, wanted, ofResource.Bits);
        // Without a resource that passes, what spans have of other values does not matter.
        if (Bitmap.IsEmpty(ofResource.Bits) && !test.IsExistence)
        {
            _span.Mark(scope, wanted, marks);
            return;
        }

        using var typed = FilterScope.Rent(scope.SpanCount);
        _span.MarkWithTyped(scope, marks, typed.Bits);
        if (test.AcceptsNil)
        {
            Bitmap.And(marks, ofResource.Bits);
            return;
        }

        Bitmap.AndNot(ofResource.Bits, typed.Bits);
        Bitmap.Or(marks, ofResource.Bits);
    }

    public override FilterNode? FindExcluding(ISpanFacts facts) =>
        test.AcceptsNil || _span.FindExcluding(facts) is null || _resource.FindExcluding(facts) is null ? null : this;

    public override string ToString() => _span.ToString();
}
