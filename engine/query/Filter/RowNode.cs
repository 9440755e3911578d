using System.Numerics;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// A condition that no kernel knows (arithmetic, one field against another, texts of ids, events together with links): tried
/// span by span, on those that the other parts have left.
/// </summary>
internal sealed class RowNode : FilterNode
{
    private readonly Operand _operand;
    private readonly bool _isNegated;
    private readonly bool _readsEvents;
    private readonly bool _readsLinks;
    private readonly BatchColumns _columns;

    public RowNode(Operand operand, bool isNegated)
    {
        _operand = operand;
        _isNegated = isNegated;
        _readsEvents = operand.BindsEvent;
        _readsLinks = operand.BindsLink;
        _columns = FieldColumns.Of(operand.Readers().Select(static reader => reader.Reference));
    }

    public override OwnerLevel Level => OwnerLevel.Span;

    public override double Cost => 200;

    public override double Selectivity => 0.3;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        scope.Batch.Require(_columns);
        marks.Clear();
        var tried = 0;
        for (var word = 0; word < wanted.Length; word++)
        {
            if (wanted[word] == 0) continue;
            Tried(64, scope, ref tried);
            for (var left = wanted[word]; left != 0; left &= left - 1)
            {
                var row = (word << 6) + BitOperations.TrailingZeroCount(left);
                if (MayHold(SpanCursor.At(scope.Batch, row), scope, ref tried)) marks[word] |= left & (0 - left);
            }
        }
    }

    private bool MayHold(in SpanCursor span, FilterScope scope, ref int tried)
    {
        if (!_readsEvents && !_readsLinks) return Test(span);
        foreach (var bound in new EventBindings(span, _readsEvents, _readsLinks))
        {
            if (Test(bound)) return true;
            Tried(1, scope, ref tried);
        }

        return false;
    }

    private static void Tried(int count, FilterScope scope, ref int tried)
    {
        if ((tried += count) < FilterScope.RowsBetweenPolls) return;
        scope.Poll();
        tried = 0;
    }

    private bool Test(in SpanCursor span) => _operand.Test(span) != (_isNegated ? Truth.True : Truth.False);

    public override string ToString() =>
        $"{(_isNegated ? "not " : "")}span by span on {string.Join(", ", _operand.Readers().Select(static reader => reader.Reference).Distinct())}";
}
