using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// Rows on which all parts hold. The parts run in the order of what they cost for what they exclude, each on what the ones before
/// have left, and none when nothing is left: so columns of later parts are only read of pages that still have candidates.
/// </summary>
internal sealed class AndNode : FilterNode
{
    private readonly FilterNode[] _parts;

    public AndNode(IEnumerable<FilterNode> parts)
    {
        // By the rule for independent filters: cost over the share that is excluded, ascending.
        _parts = [.. parts.OrderBy(static part => part.Cost / Math.Max(1 - part.Selectivity, 1e-3))];
    }

    public IReadOnlyList<FilterNode> Parts => _parts;

    public override OwnerLevel Level => _parts[0].Level;

    public override double Cost
    {
        get
        {
            double cost = 0, left = 1;
            foreach (var part in _parts)
            {
                cost += part.Cost * left;
                left *= part.Selectivity;
            }

            return cost;
        }
    }

    public override double Selectivity => _parts.Aggregate(1.0, static (left, part) => left * part.Selectivity);

    public override bool HoldsOfNone => Array.TrueForAll(_parts, static part => part.HoldsOfNone);

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        _parts[0].Mark(scope, wanted, marks);
        Bitmap.And(marks, wanted);
        using var next = FilterScope.Rent(scope.Count(Level));
        for (var i = 1; i < _parts.Length && !Bitmap.IsEmpty(marks); i++)
        {
            scope.Poll();
            _parts[i].Mark(scope, marks, next.Bits);
            Bitmap.And(marks, next.Bits);
        }
    }

    public override FilterNode? FindExcluding(ISpanFacts facts)
    {
        foreach (var part in _parts)
            if (part.FindExcluding(facts) is { } excluding)
                return excluding;
        return null;
    }

    public override string ToString() => $"({string.Join(" and then ", (IEnumerable<FilterNode>)_parts)})";
}
