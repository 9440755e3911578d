using System.Numerics;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Operators.Rows;

/// <summary>Where a span stands to another in the tree of their trace.</summary>
internal enum TreeRelationKind
{
    Child,
    Descendant,
    Parent,
    Ancestor,
    Sibling,
}

/// <summary>
/// Finds spans of one trace by where they stand to given ones, by their nested-set numbers: each of 1 to 2 n stands once, as the left or
/// the right number of a span, and a span's descendants have theirs between its own. So all is one pass over the given spans, one over
/// the numbers, and one over the spans that are asked about:
/// <code>
/// child         the parent's left number is that of a given span
/// parent        its left number is what a given span has as its parent's
/// descendant    at its left number, more given spans have begun than ended
/// ancestor      a given span begins between its numbers
/// sibling       another given span has the same parent
/// </code>
/// A span whose numbers are 0 (no root leads to it) stands in no relation to any. Not thread safe.
/// </summary>
internal sealed class TreeRelation
{
    private int[] _numbers = [];
    private int _first;
    private int _end;
    private int[] _left = [];
    private int[] _right = [];
    private int[] _parent = [];

    private int NumberCount => 2 * (_end - _first) + 2;

    /// <summary>The spans of one trace, by their rows. False if their numbers are not those of a tree.</summary>
    public bool TryBegin(SpanBatch batch, int first, int end)
    {
        (_first, _end, _left, _right, _parent) = (first, end, batch.TreeLeft, batch.TreeRight, batch.TreeParent);
        var most = 2 * (end - first);
        for (var row = first; row < end; row++)
            if ((uint)_left[row] > (uint)most || (uint)_right[row] > (uint)most || _right[row] < _left[row] || _parent[row] < -1
                || _parent[row] > most)
                return false;
        GrowableArray.Reserve(ref _numbers, NumberCount);
        return true;
    }

    /// <summary>
    /// Adds those of the <paramref name="asked"/> spans that stand in the relation to one of the <paramref name="given"/> ones; or those
    /// that stand in it to none of them, and have a place in the tree.
    /// </summary>
    public void Mark(TreeRelationKind kind, ReadOnlySpan<ulong> given, ReadOnlySpan<ulong> asked, bool isNegated, Span<ulong> marks)
    {
        Note(kind, given);
        for (var word = _first >> 6; word <= (_end - 1) >> 6; word++)
            for (var left = InTrace(asked, word); left != 0; left &= left - 1)
            {
                var row = (word << 6) + BitOperations.TrailingZeroCount(left);
                if (_left[row] != 0 && IsRelated(kind, row, (given[word] >> row & 1) != 0) != isNegated) marks[word] |= left & (0 - left);
            }
    }

    // What is to be known of the given spans, by number.
    private void Note(TreeRelationKind kind, ReadOnlySpan<ulong> given)
    {
        var numbers = _numbers.AsSpan(0, NumberCount);
        numbers.Clear();
        for (var word = _first >> 6; word <= (_end - 1) >> 6; word++)
            for (var left = InTrace(given, word); left != 0; left &= left - 1)
            {
                var row = (word << 6) + BitOperations.TrailingZeroCount(left);
                if (_left[row] == 0) continue;
                switch (kind)
                {
                    case TreeRelationKind.Child or TreeRelationKind.Ancestor: numbers[_left[row]]++; break;
                    case TreeRelationKind.Parent or TreeRelationKind.Sibling: numbers[_parent[row] + 1]++; break;
                    default:
                        numbers[_left[row]]++;
                        numbers[_right[row]]--;
                        break;
                }
            }

        if (kind is not (TreeRelationKind.Descendant or TreeRelationKind.Ancestor)) return;
        var sum = 0;
        foreach (ref var number in numbers) number = sum += number;
    }

    private bool IsRelated(TreeRelationKind kind, int row, bool isGiven) => kind switch
    {
        TreeRelationKind.Child => _parent[row] > 0 && _numbers[_parent[row]] > 0,
        TreeRelationKind.Parent => _numbers[_left[row] + 1] > 0,
        TreeRelationKind.Descendant => _numbers[_left[row]] > (isGiven ? 1 : 0),
        TreeRelationKind.Ancestor => _numbers[_right[row]] > _numbers[_left[row]],
        _ => _numbers[_parent[row] + 1] > (isGiven ? 1 : 0),
    };

    private ulong InTrace(ReadOnlySpan<ulong> bits, int word)
    {
        var found = bits[word];
        if (word == _first >> 6) found &= ulong.MaxValue << _first;
        if (word == (_end - 1) >> 6) found &= ulong.MaxValue >> (63 - (_end - 1 & 63));
        return found;
    }
}
