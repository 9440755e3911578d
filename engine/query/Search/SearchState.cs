using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Query.Search;

/// <summary>What the workers of a search share: answers so far, traces still to be looked at, what was used. Thread safe.</summary>
internal sealed class SearchState(
    SearchRequest request, SearchOptions options, QueryBlocks blocks, SearchExplanation? explanation, TracePage? pageAsked,
    MemoryBudget budget)
{
    // Of a candidate in its table and queue.
    private const long CandidateBytes = 128;

    private readonly Lock _lock = new();
    private int _chargedCandidates;
    private readonly NewestTraces _found = new(request.Limit);
    private readonly Candidates _candidates = new();
    private long _readBytes;
    private int _startedJobs;
    private long _listedSpans;

    // The start that a trace must have at least to be among the answers. Only rises.
    private long _minStart;
    private volatile bool _isUnfinished;

    public SearchMetrics Metrics { get; } = new();

    /// <summary>What is said of how the search went; null if nobody asked.</summary>
    public SearchExplanation? Explanation => explanation;

    /// <summary>So much was read that whoever asked may divide the search: it ends without having decided all.</summary>
    public bool IsUnfinished => _isUnfinished;

    /// <summary>Jobs that a worker took up.</summary>
    public int StartedJobs => Volatile.Read(ref _startedJobs);

    /// <summary>A worker takes up a job. False: it cannot change the answer any more.</summary>
    public bool TryStart(SearchJob job)
    {
        if (!HasRoomFor(job.Bound)) return false;
        Interlocked.Increment(ref _startedJobs);
        return true;
    }

    /// <summary>
    /// False if no trace that starts at <paramref name="bound"/> or before can be among the answers any more; of an unfinished search, if
    /// none can.
    /// </summary>
    public bool HasRoomFor(ulong bound) => bound >= (ulong)Volatile.Read(ref _minStart) && !_isUnfinished;

    /// <summary>
    /// Takes the candidates of a page. True: they are few enough to be looked at at once, and are handed to whoever calls, each to
    /// one caller only, those that others have taken being removed. Else they are kept for later.
    /// </summary>
    public bool TakeOrKeep(List<Candidate> page)
    {
        lock (_lock)
        {
            // A page of an answer in another order, or with a total, needs all of them.
            if (pageAsked is not null || page.Count <= request.Limit - _found.Count)
            {
                page.RemoveAll(candidate => !_candidates.TryClaim(candidate.Id));
                Metrics.InspectedTraces += (uint)page.Count;
                CheckCandidates();
                return true;
            }

            foreach (var candidate in page) _candidates.Add(candidate.Id, candidate.Bound, candidate.Place);
            CheckCandidates();
            return false;
        }
    }

    private void CheckCandidates()
    {
        if (_candidates.Count > options.MaxCandidates)
            throw new QueryException(QueryErrorKind.TooLarge,
                $"more than {options.MaxCandidates} traces would have to be looked at (limit of candidates); ask for a shorter time, or for something rarer");
        var more = _candidates.Count - _chargedCandidates;
        _chargedCandidates = _candidates.Count;
        if (more > 0) Charge(more * CandidateBytes, "traces that would have to be looked at");
    }

    private void Charge(long bytes, string what)
    {
        if (!budget.TryCharge(bytes)) throw budget.TooLarge(what, "ask for fewer traces (limit), a shorter time, or for something rarer");
    }

    /// <summary>
    /// The kept candidates that start at <paramref name="bound"/> or after, if there are any, in the order of their places; a round of
    /// them.
    /// </summary>
    public Candidate[] NextRound(ulong bound, int firstRound)
    {
        lock (_lock)
        {
            if (!_candidates.TryPeek(out var newest) || newest < bound || !HasRoomFor(newest)) return [];
            var round = _candidates.TakeRound(firstRound, bound);
            Metrics.InspectedTraces += (uint)round.Length;
            return round.ToArray();
        }
    }

    /// <summary>The bound of the newest candidate that is kept; 0 if there is none.</summary>
    public ulong NewestKept
    {
        get
        {
            lock (_lock) return _candidates.TryPeek(out var newest) ? newest : 0;
        }
    }

    public void AddAnswer(TraceSearchResult answer)
    {
        long spans = 0;
        foreach (var set in answer.SpanSets) spans += set.Spans.Length;
        lock (_lock)
        {
            _listedSpans += spans;
            Charge(AnswerSize.BytesOf(answer), "the answer");
            var left = pageAsked is not null ? pageAsked.Add(answer) : _found.Add(answer);
            foreach (var set in left?.SpanSets ?? []) _listedSpans -= set.Spans.Length;
            if (left is not null) budget.Return(AnswerSize.BytesOf(left));
            if (pageAsked is null && _found.IsFull) Volatile.Write(ref _minStart, (long)_found.OldestStart);
            CheckListedSpans();
        }
    }

    private void CheckListedSpans()
    {
        if (_listedSpans > options.MaxListedSpans)
            throw new QueryException(QueryErrorKind.TooLarge,
                $"the answer lists more than {options.MaxListedSpans} spans; ask for fewer traces (limit) or fewer spans of each (spss)");
    }

    /// <summary>A batch or page was scanned.</summary>
    public void AddScanned(long spans, long readBytes)
    {
        lock (_lock) Metrics.InspectedSpans += (ulong)spans;
        AddReadBytes(readBytes);
    }

    public void AddReadBytes(long bytes)
    {
        var all = Interlocked.Add(ref _readBytes, bytes);
        if (options.AloneBytes > 0 && all > options.AloneBytes) _isUnfinished = true;
        else if (options.MaxReadBytes > 0 && all > options.MaxReadBytes)
            throw new QueryException(QueryErrorKind.TooLarge,
                $"more than {options.MaxReadBytes} bytes of blocks would have to be read (limit of bytes); ask for a shorter time, or for something rarer");
    }

    public void CompleteJob()
    {
        lock (_lock) Metrics.CompletedJobs++;
    }

    /// <summary>Answers that start after <paramref name="from"/> and at <paramref name="to"/> or before, newest first.</summary>
    public List<TraceSearchResult> Between(ulong from, ulong to)
    {
        lock (_lock) return _found.Between(from, to);
    }

    /// <summary>All is done.</summary>
    public SearchResult ToResult()
    {
        Metrics.InspectedBytes = (ulong)Interlocked.Read(ref _readBytes);
        var result = new SearchResult
        {
            Metrics = Metrics,
            Message = blocks.Damage,
            Explanation = explanation?.ToText(Metrics),
            Total = pageAsked?.Total ?? -1,
            IsUnfinished = _isUnfinished
        };
        _found.DrainTo(result.Traces);
        if (pageAsked is not null) result.NextCursor = pageAsked.DrainTo(result.Traces);
        return result;
    }
}
