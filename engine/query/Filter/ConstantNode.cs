using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>All rows or none: a literal, or what only the whole trace can tell (all).</summary>
internal sealed class ConstantNode(bool holds, string why) : FilterNode
{
    public static readonly ConstantNode None = new(false, "false");

    public bool Holds => holds;

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 0;

    public override double Selectivity => holds ? 1 : 0;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        if (holds) Bitmap.Fill(marks, scope.SpanCount);
        else marks.Clear();
    }

    public override FilterNode? FindExcluding(ISpanFacts facts) => holds ? null : this;

    public override string ToString() => why;
}
