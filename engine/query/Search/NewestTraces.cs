using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Search;

/// <summary>The newest answers by start time (ties by trace id), as many as asked for. Memory by answers, not by the limit.</summary>
internal sealed class NewestTraces(int limit)
{
    private static readonly Comparer<(ulong Start, TraceId Id)> OldestFirst =
        Comparer<(ulong Start, TraceId Id)>.Create(static (a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : b.Id.CompareTo(a.Id));

    private readonly PriorityQueue<TraceSearchResult, (ulong Start, TraceId Id)> _found = new(OldestFirst);

    public int Count => _found.Count;

    /// <summary>There are as many as were asked for.</summary>
    public bool IsFull => _found.Count >= limit;

    /// <summary>Start of the oldest one; there is one.</summary>
    public ulong OldestStart => _found.TryPeek(out _, out var oldest) ? oldest.Start : 0;

    public void Add(TraceSearchResult answer)
    {
        _found.Enqueue(answer, (answer.StartTimeUnixNano, answer.TraceId));
        if (_found.Count > limit) _found.Dequeue();
    }

    /// <summary>
    /// Those that start after <paramref name="from"/>, and at <paramref name="to"/> or before, newest first. When everything
    /// that is still to come starts at <paramref name="from"/> or before, they stay in the answer.
    /// </summary>
    public List<TraceSearchResult> Between(ulong from, ulong to)
    {
        var found = new List<TraceSearchResult>();
        foreach (var (answer, _) in _found.UnorderedItems)
            if (answer.StartTimeUnixNano > from && answer.StartTimeUnixNano <= to)
                found.Add(answer);
        found.Sort(static (a, b) => a.StartTimeUnixNano != b.StartTimeUnixNano
            ? b.StartTimeUnixNano.CompareTo(a.StartTimeUnixNano)
            : a.TraceId.CompareTo(b.TraceId));
        return found;
    }

    /// <summary>Adds them to <paramref name="answers"/>, newest first.</summary>
    public void DrainTo(List<TraceSearchResult> answers)
    {
        while (_found.TryDequeue(out var answer, out _)) answers.Add(answer);
        answers.Reverse();
    }
}
