using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// Counts all spans of a page by the code of a text and the interval of their start, without writing down which group and interval each
/// has:
/// <code>
/// 1  the earliest and the latest start                  both must lie in the axis, and few intervals between them
/// 2  a cell for each code and interval between them, four times, so that two spans that follow each other do not wait for the same cell
/// 3  the cells that are not zero
/// </code>
/// The other way, which the scalar kernel goes, is rows, their intervals, their groups and then their cells: the same counts. Not thread
/// safe.
/// </summary>
internal sealed class PageCounts(TimeAxis axis)
{
    /// <summary>Cells for each span at most: they are cleared and looked through for each page.</summary>
    private const double MaxCellsPerSpan = 0.5;

    private const int Lanes = 4;

    private int[] _cells = [];
    private int _firstInterval;
    private int _intervals;
    private int _codes;

    /// <summary>
    /// Counts the first spans. <paramref name="codes"/> has a code below <paramref name="codeCount"/> for each span or, if there are
    /// <paramref name="owners"/>, for each of these; none: all have the code 0. False, with nothing counted, if it is not worth it.
    /// </summary>
    public bool TryCount(ReadOnlySpan<ulong> starts, ReadOnlySpan<int> codes, ReadOnlySpan<int> owners, int codeCount)
    {
        var (first, last) = Bounds(starts);
        if (axis.IndexOf(first) is not (>= 0 and var from) || axis.IndexOf(last) is not (>= 0 and var to)) return false;
        (_firstInterval, _intervals, _codes) = (from, to - from + 1, codeCount);
        if (_intervals == 1 && codes.IsEmpty)
        {
            Clear(1);
            _cells[0] = starts.Length;
            return true;
        }

        if ((double)codeCount * _intervals * Lanes > starts.Length * MaxCellsPerSpan) return false;
        Clear(codeCount * _intervals);
        if (_intervals > 1) CountByInterval(starts, codes, owners);
        else if (owners.IsEmpty) CountCodes(codes[..starts.Length]);
        else CountCodes(codes, owners[..starts.Length]);
        return true;
    }

    /// <summary>Calls back for each code that a span had, with an interval and how many spans.</summary>
    public void ForEach<TState>(TState state, Action<TState, int, int, int> count)
    {
        var size = _codes * _intervals;
        var cells = _cells.AsSpan(0, size * Lanes);
        for (var cell = 0; cell < size; cell++)
            if (cells[cell] + cells[size + cell] + cells[2 * size + cell] + cells[3 * size + cell] is not 0 and var spans)
                count(state, cell / _intervals, _firstInterval + cell % _intervals, spans);
    }

    private void Clear(int cells)
    {
        GrowableArray.Reserve(ref _cells, cells * Lanes);
        _cells.AsSpan(0, cells * Lanes).Clear();
    }

    private void CountCodes(ReadOnlySpan<int> codes)
    {
        Span<int> a = _cells.AsSpan(0, _codes), b = _cells.AsSpan(_codes, _codes), c = _cells.AsSpan(2 * _codes, _codes),
            d = _cells.AsSpan(3 * _codes, _codes);
        var i = 0;
        for (; i + Lanes <= codes.Length; i += Lanes)
        {
            a[codes[i]]++;
            b[codes[i + 1]]++;
            c[codes[i + 2]]++;
            d[codes[i + 3]]++;
        }

        for (; i < codes.Length; i++) a[codes[i]]++;
    }

    private void CountCodes(ReadOnlySpan<int> codes, ReadOnlySpan<int> owners)
    {
        Span<int> a = _cells.AsSpan(0, _codes), b = _cells.AsSpan(_codes, _codes), c = _cells.AsSpan(2 * _codes, _codes),
            d = _cells.AsSpan(3 * _codes, _codes);
        var i = 0;
        for (; i + Lanes <= owners.Length; i += Lanes)
        {
            a[codes[owners[i]]]++;
            b[codes[owners[i + 1]]]++;
            c[codes[owners[i + 2]]]++;
            d[codes[owners[i + 3]]]++;
        }

        for (; i < owners.Length; i++) a[codes[owners[i]]]++;
    }

    private void CountByInterval(ReadOnlySpan<ulong> starts, ReadOnlySpan<int> codes, ReadOnlySpan<int> owners)
    {
        var size = _codes * _intervals;
        var cells = _cells.AsSpan(0, size * Lanes);
        // Spans of a trace lie together: mostly in the interval of the one before.
        ulong from = 0, length = 0;
        var interval = 0;
        for (var i = 0; i < starts.Length; i++)
        {
            if (starts[i] - from >= length)
            {
                interval = axis.IndexOf(starts[i]) - _firstInterval;
                (from, length) = axis.StartsOf(interval + _firstInterval);
            }

            var code = codes.IsEmpty ? 0 : codes[owners.IsEmpty ? i : owners[i]];
            if ((uint)code >= (uint)_codes) throw new InvalidOperationException("a code beyond its table");
            cells[(i & (Lanes - 1)) * size + code * _intervals + interval]++;
        }
    }

    private static (ulong First, ulong Last) Bounds(ReadOnlySpan<ulong> starts)
    {
        var (first, last) = (starts[0], starts[0]);
        var i = 0;
        if (Vector256.IsHardwareAccelerated && starts.Length >= Vector256<ulong>.Count)
        {
            ref var start = ref MemoryMarshal.GetReference(starts);
            Vector256<ulong> min = Vector256.LoadUnsafe(ref start), max = min;
            for (; i + Vector256<ulong>.Count <= starts.Length; i += Vector256<ulong>.Count)
            {
                var four = Vector256.LoadUnsafe(ref start, (nuint)i);
                (min, max) = (Vector256.Min(min, four), Vector256.Max(max, four));
            }

            for (var lane = 0; lane < Vector256<ulong>.Count; lane++)
                (first, last) = (Math.Min(first, min[lane]), Math.Max(last, max[lane]));
        }

        for (; i < starts.Length; i++) (first, last) = (Math.Min(first, starts[i]), Math.Max(last, starts[i]));
        return (first, last);
    }
}
