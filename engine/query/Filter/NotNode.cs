using Tempo.Engine.Query.Kernels;

namespace Tempo.Engine.Query.Filter;

/// <summary>Rows on which a leaf, which is exact, does not hold. Negations of "and" and "or" are moved down to the leaves.</summary>
internal sealed class NotNode(FilterNode leaf) : FilterNode
{
    public override OwnerLevel Level => leaf.Level;

    public override double Cost => leaf.Cost;

    public override double Selectivity => 1 - leaf.Selectivity;

    public override bool HoldsOfNone => true;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        leaf.Mark(scope, wanted, marks);
        Bitmap.Not(marks, scope.Count(Level));
    }

    public override string ToString() => $"not {leaf}";
}
