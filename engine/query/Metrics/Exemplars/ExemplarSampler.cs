using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Exemplars;

/// <summary>
/// Chooses exemplars while spans are counted, spread over the range and the same for the same data, whatever the order in
/// which the spans come: the range is divided into slots, each keeps the two traces of lowest priority, of each trace the
/// first span. Not thread safe.
/// </summary>
internal sealed class ExemplarSampler
{
    private const int PerSlot = 2;

    private readonly TimeAxis _axis;
    private readonly int _limit;
    private readonly int _slotCount;
    private readonly ExemplarCandidate?[] _kept;
    private int _freePlaces;
    private ulong _highest;
    private bool _isHighestStale = true;

    public ExemplarSampler(TimeAxis axis, int limit)
    {
        _axis = axis;
        _limit = limit;
        _slotCount = Math.Clamp(limit / PerSlot, 1, axis.Count);
        _kept = limit == 0 ? [] : new ExemplarCandidate?[_slotCount * PerSlot];
        _freePlaces = _kept.Length;
    }

    /// <summary>Are there any to choose?</summary>
    public bool IsActive => _kept.Length > 0;

    /// <summary>Would a span of this trace be kept? Asked for each span counted, so that only those that are get labels.</summary>
    public bool Wants(TraceId trace, ulong startUnixNano, int interval)
    {
        var priority = ExemplarCandidate.PriorityOf(trace);
        var first = SlotOf(interval);
        for (var i = first; i < first + PerSlot; i++)
        {
            if (_kept[i] is not { } kept) return true;
            if (kept.Priority == priority && kept.Trace == trace) return startUnixNano <= kept.StartUnixNano;
        }

        return priority < _kept[first + PerSlot - 1]!.Priority;
    }

    /// <summary>False if <see cref="Wants"/> says no in every interval.</summary>
    public bool MayWant(TraceId trace) => _freePlaces > 0 || ExemplarCandidate.PriorityOf(trace) <= HighestKept();

    /// <summary>
    /// The same of spans that start within these bounds, unix nanoseconds: where no span falls, places stay free for ever.
    /// </summary>
    public bool MayWant(TraceId trace, ulong firstUnixNano, ulong lastUnixNano)
    {
        var priority = ExemplarCandidate.PriorityOf(trace);
        if (_freePlaces == 0 && priority > HighestKept()) return false;
        for (int slot = SlotOf(_axis.NearestTo(firstUnixNano)), last = SlotOf(_axis.NearestTo(lastUnixNano)); slot <= last; slot += PerSlot)
            if (_kept[slot + PerSlot - 1] is not { } kept || priority <= kept.Priority)
                return true;
        return false;
    }

    // What is kept only gets lower.
    private ulong HighestKept()
    {
        if (!_isHighestStale) return _highest;
        _highest = 0;
        foreach (var kept in _kept) _highest = Math.Max(_highest, kept!.Priority);
        _isHighestStale = false;
        return _highest;
    }

    public void Add(ExemplarCandidate candidate, int interval)
    {
        _isHighestStale = true;
        var first = SlotOf(interval);
        var slot = _kept.AsSpan(first, PerSlot);
        for (var i = 0; i < PerSlot; i++)
        {
            if (slot[i]?.Trace != candidate.Trace) continue;
            if (candidate.IsBefore(slot[i]!)) slot[i] = candidate;
            return;
        }

        // Ascending by priority, then by id; the last falls out.
        for (var i = 0; i < PerSlot; i++)
        {
            if (slot[i] is { } kept && Compare(kept, candidate) <= 0) continue;
            if (slot[^1] is null) _freePlaces--;
            slot[i..^1].CopyTo(slot[(i + 1)..]);
            slot[i] = candidate;
            return;
        }
    }

    /// <summary>Adds what another sampler of the same query kept; <paramref name="groups"/> gives the new numbers of its groups.</summary>
    public void AddAll(ExemplarSampler other, int[] groups)
    {
        if (!IsActive) return;
        foreach (var candidate in other._kept)
            if (candidate is not null)
                Add(candidate with { Group = groups[candidate.Group] }, _axis.IndexOf(candidate.StartUnixNano));
    }

    /// <summary>Writes those that are kept.</summary>
    public void Write(PartWriter writer)
    {
        writer.Count(_kept.Length - _kept.Count(static kept => kept is null));
        foreach (var kept in _kept) kept?.Write(writer);
    }

    /// <summary>Reads them into a sampler that has none; which are kept follows from its own places.</summary>
    public void Read(ref PartReader reader, int groupCount)
    {
        var count = reader.CountOf(ExemplarCandidate.LeastBytes, "exemplars");
        for (var i = 0; i < count; i++)
        {
            var candidate = ExemplarCandidate.Read(ref reader, groupCount);
            if (_axis.IndexOf(candidate.StartUnixNano) is not (>= 0 and var interval))
                throw reader.Bad("an exemplar outside the intervals");
            if (IsActive) Add(candidate, interval);
        }
    }

    /// <summary>The exemplars: one a trace, at most the limit, by time.</summary>
    public List<ExemplarCandidate> Chosen()
    {
        var seen = new HashSet<TraceId>();
        var chosen = _kept.OfType<ExemplarCandidate>().OrderBy(static c => c.StartUnixNano).ThenBy(static c => c.Trace)
            .Where(c => seen.Add(c.Trace)).ToList();
        if (chosen.Count > _limit)
            chosen = [.. chosen.OrderBy(static c => c.Priority).ThenBy(static c => c.Trace).Take(_limit)
                .OrderBy(static c => c.StartUnixNano)];
        return chosen;
    }

    private int SlotOf(int interval) => (int)((long)interval * _slotCount / _axis.Count) * PerSlot;

    private static int Compare(ExemplarCandidate a, ExemplarCandidate b) =>
        a.Priority != b.Priority ? a.Priority.CompareTo(b.Priority) : a.Trace.CompareTo(b.Trace);
}
