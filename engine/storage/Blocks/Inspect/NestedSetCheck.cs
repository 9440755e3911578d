using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Inspect;

/// <summary>
/// Checks the nested set numbers of traces (storage specification §4.7) by what they are for, as the order of children is the
/// writer's: a span's interval lies within its parent's and names it, no two share a number, roots are marked.
/// </summary>
internal sealed class NestedSetCheck
{
    private const string Span = "rs.ss.Spans.";
    private readonly Dictionary<ulong, int> _byId = [];
    private readonly HashSet<int> _numbers = [];
    private uint[] _left = [];
    private uint[] _right = [];
    private uint[] _parent = [];

    /// <summary>Checks the traces of a batch that was just read from these columns.</summary>
    public void Check(RowGroupColumns columns, SpanBatch batch, Action<string> onProblem)
    {
        columns.Counts(Span + "NestedSetLeft", batch.SpanCount, ref _left);
        columns.Counts(Span + "NestedSetRight", batch.SpanCount, ref _right);
        columns.Counts(Span + "ParentID", batch.SpanCount, ref _parent);
        for (var from = 0; from < batch.SpanCount;)
        {
            var to = from + 1;
            while (to < batch.SpanCount && batch.Trace[to] == batch.Trace[from]) to++;
            if (FindProblem(batch, from, to) is { } problem) onProblem($"trace {batch.TraceIds[batch.Trace[from]]}: {problem}");
            from = to;
        }
    }

    private string? FindProblem(SpanBatch batch, int from, int to)
    {
        _byId.Clear();
        _numbers.Clear();
        // An id that stands twice is attached by kind; then only the intervals themselves are looked at.
        var isUnique = true;
        for (var i = from; i < to; i++) isUnique &= _byId.TryAdd(batch.SpanId[i], i);
        for (var i = from; i < to; i++)
        {
            var (left, right, parent) = ((int)_left[i], (int)_right[i], (int)_parent[i]);
            var name = $"span {batch.SpanId[i]:x16}";
            if (left == 0 && right == 0 && parent == 0) continue;
            if (left <= 0 || right <= left) return $"{name} has the interval {left} to {right}";
            if (!_numbers.Add(left) || !_numbers.Add(right)) return $"{name} shares a number of its interval {left} to {right}";
            if (!isUnique) continue;
            var isChild = _byId.TryGetValue(batch.ParentSpanId[i], out var above) && batch.ParentSpanId[i] != 0;
            if (batch.ParentSpanId[i] == 0 && parent != -1) return $"{name} is a root, and has the parent {parent}";
            if (batch.ParentSpanId[i] != 0 && !isChild) return $"{name} has an interval, and its parent is not there";
            if (isChild && (parent != (int)_left[above] || left <= (int)_left[above] || right >= (int)_right[above]))
                return $"{name} has the interval {left} to {right} and the parent {parent}, its parent {_left[above]} to {_right[above]}";
        }

        return null;
    }
}
