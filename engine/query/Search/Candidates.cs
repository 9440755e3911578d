using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// The traces that a scan found worth looking at, newest first, handed out in rounds. Within a round they come in the order
/// of their places, so that each page is read once; rounds grow, so that few are looked at when the first ones fill the
/// answer, and a page is read at most some ten times when all have to be. Memory: 40 bytes a candidate.
/// </summary>
internal sealed class Candidates
{
    /// <summary>Factor between rounds. Four: at most a third more traces are looked at than in one go over the last round.</summary>
    private const int RoundGrowth = 4;

    private readonly Dictionary<TraceId, (ulong Bound, int Place)> _found = [];
    private Candidate[] _order = [];
    private int _next;

    public int Count => _found.Count;

    /// <summary>
    /// Adds a trace, or sharpens its bound. <paramref name="bound"/> is not before the trace's start;
    /// <paramref name="place"/> numbers the source it was seen in.
    /// </summary>
    public void Add(TraceId id, ulong bound, int place)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_found, id, out var exists);
        if (!exists) known = (bound, place);
        else if (bound < known.Bound) known.Bound = bound;
    }

    /// <summary>Everything was added.</summary>
    public void Complete()
    {
        _order = new Candidate[_found.Count];
        var count = 0;
        foreach (var (id, (bound, place)) in _found) _order[count++] = new Candidate(id, bound, place);
        Array.Sort(_order, static (a, b) => a.Bound != b.Bound ? b.Bound.CompareTo(a.Bound) : a.Id.CompareTo(b.Id));
        _next = 0;
    }

    /// <summary>The bound of the newest that has not been handed out; false if there is none.</summary>
    public bool TryPeek(out ulong bound)
    {
        bound = _next < _order.Length ? _order[_next].Bound : 0;
        return _next < _order.Length;
    }

    /// <summary>Hands out the next ones: <paramref name="firstRound"/> of them the first time, then more and more.</summary>
    public ReadOnlySpan<Candidate> TakeRound(int firstRound)
    {
        var size = _next == 0 ? firstRound : Math.Max((long)firstRound, (long)_next * (RoundGrowth - 1));
        var round = _order.AsSpan(_next, (int)Math.Min(size, _order.Length - _next));
        round.Sort(static (a, b) => a.Place != b.Place ? a.Place.CompareTo(b.Place) : a.Id.CompareTo(b.Id));
        _next += round.Length;
        return round;
    }
}

/// <summary>A trace that may match.</summary>
/// <param name="Id">Which.</param>
/// <param name="Bound">Nanoseconds: the trace does not start after this.</param>
/// <param name="Place">Number of the source it was first seen in.</param>
internal readonly record struct Candidate(TraceId Id, ulong Bound, int Place);
