using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// The traces that a scan found worth looking at, newest first, handed out in rounds, and those that were handed out. Within a
/// round they come in the order of their places, so that each page is read once; rounds grow, so that few are looked at when the
/// first ones fill the answer, and a page is read at most some ten times when all have to be. Memory: some 100 bytes a candidate.
/// </summary>
internal sealed class Candidates
{
    /// <summary>Factor between rounds. Four: at most a third more traces are looked at than in one go over the last round.</summary>
    private const int RoundGrowth = 4;

    private const int HandedOut = -1;

    private readonly Dictionary<TraceId, (ulong Bound, int Place)> _known = [];
    private readonly PriorityQueue<TraceId, (ulong Bound, TraceId Id)> _kept = new(NewestFirst);
    private Candidate[] _round = [];
    private int _handedOut;

    private static readonly Comparer<(ulong Bound, TraceId Id)> NewestFirst =
        Comparer<(ulong Bound, TraceId Id)>.Create(static (a, b) => a.Bound != b.Bound ? b.Bound.CompareTo(a.Bound) : a.Id.CompareTo(b.Id));

    /// <summary>All that were ever added or claimed.</summary>
    public int Count => _known.Count;

    /// <summary>
    /// Adds a trace, or sharpens its bound. <paramref name="bound"/> is not before the trace's start;
    /// <paramref name="place"/> numbers the source it was seen in. One that was handed out is not added again.
    /// </summary>
    public void Add(TraceId id, ulong bound, int place)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_known, id, out var exists);
        if (exists && (known.Place == HandedOut || bound >= known.Bound)) return;
        known = (bound, exists ? known.Place : place);
        // A sharper bound stands in the queue beside the old one, which is passed over when its turn comes.
        _kept.Enqueue(id, (bound, id));
    }

    /// <summary>Hands out a trace to whoever asks first; one that is kept for later, too.</summary>
    public bool TryClaim(TraceId id)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_known, id, out var exists);
        if (exists && known.Place == HandedOut) return false;
        known = (0, HandedOut);
        _handedOut++;
        return true;
    }

    /// <summary>The bound of the newest that has not been handed out; false if there is none.</summary>
    public bool TryPeek(out ulong bound)
    {
        while (_kept.TryPeek(out var id, out var order))
        {
            bound = order.Bound;
            if (_known[id] is { Place: not HandedOut } known && known.Bound == bound) return true;
            _kept.Dequeue();
        }

        bound = 0;
        return false;
    }

    /// <summary>
    /// Hands out the next ones whose bound is <paramref name="minBound"/> or later: <paramref name="firstRound"/> of them the first
    /// time, then more and more.
    /// </summary>
    public ReadOnlySpan<Candidate> TakeRound(int firstRound, ulong minBound)
    {
        var size = (int)Math.Min(Math.Max((long)firstRound, (long)_handedOut * (RoundGrowth - 1)), _kept.Count);
        if (_round.Length < size) _round = new Candidate[size];
        var count = 0;
        while (count < size && TryPeek(out var bound) && bound >= minBound)
        {
            var id = _kept.Dequeue();
            _round[count++] = new Candidate(id, bound, _known[id].Place);
            TryClaim(id);
        }

        var round = _round.AsSpan(0, count);
        round.Sort(static (a, b) => a.Place != b.Place ? a.Place.CompareTo(b.Place) : a.Id.CompareTo(b.Id));
        return round;
    }
}

/// <summary>A trace that may match.</summary>
/// <param name="Id">Which.</param>
/// <param name="Bound">Nanoseconds: the trace does not start after this.</param>
/// <param name="Place">Number of the source it was first seen in.</param>
internal readonly record struct Candidate(TraceId Id, ulong Bound, int Place);
