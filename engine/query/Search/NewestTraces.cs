using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// The newest answers by start time (ties by trace id), as many as asked for. Memory by answers, not by the limit. A heap, whose oldest
/// gives way, only from when there are that many: most answers are all there is, and are put in order once.
/// </summary>
internal sealed class NewestTraces(int limit)
{
    private static readonly Comparer<(ulong Start, TraceId Id)> OldestFirst =
        Comparer<(ulong Start, TraceId Id)>.Create(static (a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : b.Id.CompareTo(a.Id));

    private readonly List<TraceSearchResult> _found = [];
    private PriorityQueue<TraceSearchResult, (ulong Start, TraceId Id)>? _newest;

    public int Count => _newest?.Count ?? _found.Count;

    /// <summary>There are as many as were asked for.</summary>
    public bool IsFull => Count >= limit;

    /// <summary>Start of the oldest one, once there are as many as were asked for.</summary>
    public ulong OldestStart => _newest is not null && _newest.TryPeek(out _, out var oldest) ? oldest.Start : 0;

    /// <returns>The one that has to go for it, or itself; null as long as there are fewer than were asked for.</returns>
    public TraceSearchResult? Add(TraceSearchResult answer)
    {
        if (_newest is not null) return _newest.EnqueueDequeue(answer, OrderOf(answer));
        _found.Add(answer);
        if (_found.Count < limit) return null;
        _newest = new PriorityQueue<TraceSearchResult, (ulong Start, TraceId Id)>(
            _found.Select(static found => (found, OrderOf(found))), OldestFirst);
        _found.Clear();
        return null;
    }

    /// <summary>
    /// Those that start after <paramref name="from"/>, and at <paramref name="to"/> or before, newest first. When everything
    /// that is still to come starts at <paramref name="from"/> or before, they stay in the answer.
    /// </summary>
    public List<TraceSearchResult> Between(ulong from, ulong to)
    {
        List<TraceSearchResult> found = [.. All.Where(answer => answer.StartTimeUnixNano > from && answer.StartTimeUnixNano <= to)];
        SortNewestFirst(found);
        return found;
    }

    /// <summary>Adds them to <paramref name="answers"/>, newest first.</summary>
    public void DrainTo(List<TraceSearchResult> answers)
    {
        List<TraceSearchResult> found = [.. All];
        SortNewestFirst(found);
        answers.AddRange(found);
        _found.Clear();
        _newest = null;
    }

    private IEnumerable<TraceSearchResult> All => _newest?.UnorderedItems.Select(static item => item.Element) ?? _found;

    private static (ulong Start, TraceId Id) OrderOf(TraceSearchResult answer) => (answer.StartTimeUnixNano, answer.TraceId);

    // By starts as numbers, without a call for each comparison; then those that start at the same time by their ids.
    private static void SortNewestFirst(List<TraceSearchResult> answers)
    {
        var all = CollectionsMarshal.AsSpan(answers);
        var ages = new ulong[all.Length];
        for (var i = 0; i < all.Length; i++) ages[i] = ulong.MaxValue - all[i].StartTimeUnixNano;
        MemoryExtensions.Sort(ages.AsSpan(), all);
        for (int i = 0, end; i < all.Length; i = end)
        {
            for (end = i + 1; end < all.Length && ages[end] == ages[i];) end++;
            if (end - i > 1) all[i..end].Sort(static (a, b) => a.TraceId.CompareTo(b.TraceId));
        }
    }
}
