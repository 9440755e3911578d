using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>Rows on which one of the parts holds; each part looks only at rows that none before has marked.</summary>
internal sealed class OrNode : FilterNode
{
    private readonly FilterNode[] _parts;

    public OrNode(IEnumerable<FilterNode> parts) => _parts = [.. parts.OrderBy(static part => part.Cost)];

    public IReadOnlyList<FilterNode> Parts => _parts;

    public override OwnerLevel Level => _parts[0].Level;

    public override double Cost => _parts.Sum(static part => part.Cost);

    public override double Selectivity => 1 - _parts.Aggregate(1.0, static (left, part) => left * (1 - part.Selectivity));

    public override bool HoldsOfNone => Array.Exists(_parts, static part => part.HoldsOfNone);

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        _parts[0].Mark(scope, wanted, marks);
        var rows = scope.Count(Level);
        using var open = FilterScope.Rent(rows);
        using var next = FilterScope.Rent(rows);
        wanted.CopyTo(open.Bits);
        Bitmap.AndNot(open.Bits, marks);
        for (var i = 1; i < _parts.Length && !Bitmap.IsEmpty(open.Bits); i++)
        {
            scope.Poll();
            _parts[i].Mark(scope, open.Bits, next.Bits);
            Bitmap.Or(marks, next.Bits);
            Bitmap.AndNot(open.Bits, next.Bits);
        }
    }

    public override FilterNode? FindExcluding(ISpanFacts facts) =>
        Array.TrueForAll(_parts, part => part.FindExcluding(facts) is not null) ? this : null;

    public override string ToString() => $"({string.Join(" or else ", (IEnumerable<FilterNode>)_parts)})";
}
