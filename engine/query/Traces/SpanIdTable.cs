using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// The ids of all spans of a trace that is too large to be in memory, and which of its spans are left out of the answer: of copies
/// of one span all but one, and those that a filter does not keep.
/// <code>
/// 1  Add            the ids and kinds of all parts, in the order in which they were found: 13 bytes a span, outside the heap
/// 2  Sort           (id, number): copies are neighbours. Those with the same kind in two places are contested
/// 3  AddTimes       start, duration and status of the contested ones alone, in order of their numbers
/// 4  SettleCopies   the one that starts first stays, then the longest, then a failed one (as OrderedTrace has it), then the first
/// </code>
/// Not thread safe.
/// </summary>
internal sealed class SpanIdTable : IDisposable
{
    private const byte ServerKind = 2;
    private const byte ClientKind = 3;
    private const int Kinds = 256; // OTLP has six, a block any byte

    private readonly NativeBuffer _ids = new();
    private readonly NativeBuffer _kinds = new();
    private readonly NativeBuffer _order = new();
    private ulong[] _leftOut = [];
    private ulong[] _contested = [];
    private int[] _contestedBefore = []; // one for each word of _contested
    private readonly List<(ulong Start, ulong Duration, byte Status)> _times = [];
    private readonly List<ulong> _shared = [];

    /// <summary>Spans that were added.</summary>
    public int Count { get; private set; }

    /// <summary>Spans that are left out.</summary>
    public int LeftOutCount { get; private set; }

    /// <summary>Some spans have copies in several places.</summary>
    public bool HasContested { get; private set; }

    private Span<ulong> Ids => MemoryMarshal.Cast<byte, ulong>(Writable(_ids));

    private Span<int> Order => MemoryMarshal.Cast<byte, int>(Writable(_order));

    /// <summary>Adds the spans of a part.</summary>
    public void Add(SpanBatch batch, List<int> rows)
    {
        var ids = MemoryMarshal.Cast<byte, ulong>(_ids.GetSpan(rows.Count * sizeof(ulong)));
        var kinds = _kinds.GetSpan(rows.Count);
        var order = MemoryMarshal.Cast<byte, int>(_order.GetSpan(rows.Count * sizeof(int)));
        for (var i = 0; i < rows.Count; i++) (ids[i], kinds[i], order[i]) = (batch.SpanId[rows[i]], batch.Kind[rows[i]], Count + i);
        _ids.Advance(rows.Count * sizeof(ulong));
        _kinds.Advance(rows.Count);
        _order.Advance(rows.Count * sizeof(int));
        Count += rows.Count;
    }

    /// <summary>All were added.</summary>
    public void Sort()
    {
        Ids.Sort(Order);
        var words = (Count + 63) / 64;
        (_leftOut, _contested, _contestedBefore) = (new ulong[words], new ulong[words], new int[words]);
        Span<int> counts = stackalloc int[Kinds];
        counts.Clear();
        for (int first = 0, end; first < Count; first = end)
        {
            end = EndOfRun(first);
            if (end - first == 1) continue;
            var run = Order[first..end];
            foreach (var span in run) counts[_kinds.Written[span]]++;
            if (counts[ClientKind] > 0 && counts[ServerKind] > 0) _shared.Add(Ids[first]);
            foreach (var span in run)
                if (counts[_kinds.Written[span]] > 1)
                    Set(_contested, span);
            foreach (var span in run) counts[_kinds.Written[span]] = 0;
        }

        for (int word = 0, before = 0; word < words; before += BitOperations.PopCount(_contested[word++])) _contestedBefore[word] = before;
        HasContested = _contested.AsSpan().ContainsAnyExcept(0UL);
    }

    /// <summary>Does a part of so many spans have contested ones?</summary>
    public bool IsContested(int firstSpan, int count)
    {
        for (var span = firstSpan; span < firstSpan + count; span++)
            if (Has(_contested, span))
                return true;
        return false;
    }

    /// <summary>What decides between copies. For each part that has contested spans, in the order of the first round.</summary>
    public void AddTimes(int firstSpan, SpanBatch batch, List<int> rows)
    {
        for (var i = 0; i < rows.Count; i++)
            if (Has(_contested, firstSpan + i))
                _times.Add((batch.StartUnixNano[rows[i]], batch.DurationNano[rows[i]],
                    (byte)(batch.Status[rows[i]] & SpanBatch.StatusCodeMask)));
    }

    /// <summary>
    /// Leaves out all but one of each contested span. A part that could not be read a second time decides nothing: see
    /// <see cref="AddNoTimes"/>.
    /// </summary>
    public void SettleCopies()
    {
        var best = ArrayPool<int>.Shared.Rent(Kinds);
        best.AsSpan(0, Kinds).Fill(-1);
        for (int first = 0, end; first < Count; first = end)
        {
            end = EndOfRun(first);
            if (end - first == 1) continue;
            var run = Order[first..end];
            foreach (var span in run)
            {
                if (!Has(_contested, span)) continue;
                ref var holder = ref best[_kinds.Written[span]];
                if (holder < 0)
                {
                    holder = span;
                    continue;
                }

                var loser = IsBetter(span, holder) ? holder : span;
                LeaveOut(loser);
                if (loser == holder) holder = span;
            }

            foreach (var span in run) best[_kinds.Written[span]] = -1;
        }

        ArrayPool<int>.Shared.Return(best);
        _times.Clear();
        _times.TrimExcess();
    }

    /// <summary>Instead of <see cref="AddTimes"/>, of a part that cannot be read: other copies are better than its own.</summary>
    public void AddNoTimes(int firstSpan, int count)
    {
        for (var span = firstSpan; span < firstSpan + count; span++)
            if (Has(_contested, span))
                _times.Add((ulong.MaxValue, 0, 0));
    }

    /// <summary>Leaves out the spans that are not kept of a trace that was brought together otherwise.</summary>
    public void Keep(OrderedTrace trace, bool[] kept)
    {
        for (var i = 0; i < trace.SpanCount; i++)
        {
            if (kept[i]) continue;
            var (batch, row) = (trace.Batch(i), trace.Spans[i].Span);
            var at = FirstOf(batch.SpanId[row]);
            for (; at < Count && Ids[at] == batch.SpanId[row]; at++)
                if (_kinds.Written[Order[at]] == batch.Kind[row])
                    LeaveOut(Order[at]);
        }
    }

    /// <summary>Is the span left out of the answer?</summary>
    public bool IsLeftOut(int span) => Has(_leftOut, span);

    /// <summary>
    /// Ids that a client's and a server's half of one span share, with the ids that the server's halves have in the answer: see
    /// <see cref="SharedSpanIds"/>. Null if there are none.
    /// </summary>
    public Dictionary<ulong, ulong>? NewIdsOfServers()
    {
        if (_shared.Count == 0) return null;
        var ids = new Dictionary<ulong, ulong>(_shared.Count);
        var last = 0UL;
        foreach (var id in _shared)
        {
            do last++;
            while (FirstOf(last) is var at && at < Count && Ids[at] == last);
            ids.Add(id, last);
        }

        return ids;
    }

    /// <summary>Gives the memory of the ids back; afterwards nothing is asked but <see cref="IsLeftOut"/> and the counts.</summary>
    public void Dispose()
    {
        _ids.Dispose();
        _kinds.Dispose();
        _order.Dispose();
    }

    private bool IsBetter(int span, int other)
    {
        var (a, b) = (_times[ContestedNumber(span)], _times[ContestedNumber(other)]);
        var order = a.Start.CompareTo(b.Start);
        if (order == 0) order = b.Duration.CompareTo(a.Duration);
        if (order == 0) order = b.Status.CompareTo(a.Status);
        return order != 0 ? order < 0 : span < other;
    }

    private int ContestedNumber(int span) =>
        _contestedBefore[span / 64] + BitOperations.PopCount(_contested[span / 64] & ((1UL << (span % 64)) - 1));

    private int EndOfRun(int first)
    {
        var ids = Ids;
        var end = first + 1;
        while (end < ids.Length && ids[end] == ids[first]) end++;
        return end;
    }

    private int FirstOf(ulong id)
    {
        var ids = Ids;
        int low = 0, high = ids.Length;
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            if (ids[middle] < id) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private void LeaveOut(int span)
    {
        if (Has(_leftOut, span)) return;
        Set(_leftOut, span);
        LeftOutCount++;
    }

    private static bool Has(ulong[] bits, int span) => (bits[span / 64] >> (span % 64) & 1) != 0;

    private static void Set(ulong[] bits, int span) => bits[span / 64] |= 1UL << (span % 64);

    private static Span<byte> Writable(NativeBuffer buffer) =>
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(buffer.Written), buffer.Length);
}
