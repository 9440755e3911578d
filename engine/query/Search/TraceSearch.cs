using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Runs a search. Exact, newest first and the same every time (so <c>most_recent</c> asks for nothing more):
/// <code>
/// 1  jobs: live batches and row groups, the newest first by what is known of their traces' starts (<see cref="SearchJobs"/>)
/// 2  wave by wave, on all threads that are free: scan for traces that may match, each with a bound: its start as known there,
///    which is never earlier than the whole trace's start
/// 3  in rounds of descending bounds, bring the whole trace together from all sources and decide
/// 4  stop when there are as many answers as asked for, and none of the rest can be newer than the oldest of them
/// </code>
/// An answer in another order, or one that is counted, leaves nothing out in 3 and 4: all candidates are decided (<see cref="TracePage"/>).
/// A trace is looked at by its parts that overlap the range of time asked for, and decided as a whole.
/// Memory: the candidates, one trace and a few pages for each thread at a time, the answers.
/// </summary>
public sealed class TraceSearch
{
    /// <summary>Candidates looked at before it is asked whether they were enough.</summary>
    private const int MinRound = 32;

    private readonly SearchRequest _request;
    private readonly QueryBlocks _blocks;
    private readonly SearchOptions _options;
    private readonly SearchState _state;
    private readonly TraceQlQuery? _query;
    private readonly WorkerTeam<SearchWorker> _team;
    private ulong _reportedDownTo = ulong.MaxValue;

    private TraceSearch(SearchRequest request, TraceSources sources, SearchOptions options, MemoryBudget budget)
    {
        _request = request;
        _blocks = QueryBlocks.Of(sources, request.StartSeconds, request.HasNoEnd ? 0 : request.EndSeconds);
        _options = options;
        _query = SearchPlan.Parse(request.Query);
        _state = new SearchState(
            request, options, _blocks, IsExplained(_query) ? new SearchExplanation() : null, TracePage.Of(request, _query), budget);
        _team = new WorkerTeam<SearchWorker>(
            options.MaxWorkers, options.Workers, () => new SearchWorker(request, _query, _blocks, options, _state));
    }

    /// <summary>
    /// Whether answers of slices can be put together: not of pages, in another order or counted, nor where it is to be explained how the
    /// search went. False for a query that is wrong, too: running it says what is.
    /// </summary>
    public static bool CanDivide(SearchRequest request)
    {
        try
        {
            var query = SearchPlan.Parse(request.Query);
            return !IsExplained(query) && TracePage.Of(request, query) is null;
        }
        catch (QueryException)
        {
            return false;
        }
    }

    /// <summary>The answer of all, from those of slices that have no trace in common.</summary>
    /// <param name="request">What each was asked.</param>
    /// <param name="slices">Their answers.</param>
    public static SearchResult Join(SearchRequest request, IEnumerable<SearchResult> slices)
    {
        var newest = new NewestTraces(request.Limit);
        var metrics = new SearchMetrics();
        var message = "";
        foreach (var slice in slices)
        {
            foreach (var trace in slice.Traces) newest.Add(trace);
            metrics.AddSlice(slice.Metrics);
            if (message.Length == 0) message = slice.Message;
        }

        var result = new SearchResult { Metrics = metrics, Message = message };
        newest.DrainTo(result.Traces);
        return result;
    }

    /// <summary>Throws <see cref="QueryException"/> for a query that is wrong or cannot be run.</summary>
    public static Task<SearchResult> RunAsync(SearchRequest request, TraceSources sources, CancellationToken cancellation) =>
        RunAsync(request, sources, new SearchOptions(), cancellation);

    /// <summary>The same with limits and choices of the host.</summary>
    public static async Task<SearchResult> RunAsync(
        SearchRequest request, TraceSources sources, SearchOptions options, CancellationToken cancellation)
    {
        using var budget = new MemoryBudget(long.MaxValue, options.Memory);
        var search = new TraceSearch(request, sources, options, budget);
        // What is wrong with a query is said before anything is read.
        var plan = SearchPlan.Create(search._query, options.Kernel);
        search._state.Explanation?.Describe(plan, options);
        if (plan.Candidates.SelectsNone) return search._state.ToResult();
        if (options.Timeout <= TimeSpan.Zero) return await search.RunAsync(cancellation).ConfigureAwait(false);
        using var timeout = new CancellationTokenSource(options.Timeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await search.RunAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new QueryException(QueryErrorKind.Timeout,
                $"the search took longer than {options.Timeout.TotalSeconds} s (limit of time); ask for a shorter time, or for something rarer");
        }
    }

    private async Task<SearchResult> RunAsync(CancellationToken cancellation)
    {
        try
        {
            return await ScanAndDecideAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var worker in _team.Workers) worker.Release();
        }
    }

    private async Task<SearchResult> ScanAndDecideAsync(CancellationToken cancellation)
    {
        var jobs = new SearchJobs(_request, _blocks, _state);
        for (var wave = _options.MaxWorkers; await jobs.TakeAsync(wave, cancellation).ConfigureAwait(false) is { Count: > 0 } next;
            wave *= 2)
        {
            _state.Explanation?.CountWave();
            await _team.ForEachAsync(next, static (worker, job, token) => worker.Scan(job, token), cancellation).ConfigureAwait(false);
            var bound = jobs.Bound;
            await DecideAsync(bound, cancellation).ConfigureAwait(false);
            if (!_state.IsUnfinished) ReportCertain(Math.Max(bound, _state.NewestKept));
        }

        // The blocks that were opened last may have had no jobs: what was kept because of them is still to be decided.
        await DecideAsync(0, cancellation).ConfigureAwait(false);
        if (_state.Explanation is { } explanation) jobs.ExplainRest(explanation);
        return _state.ToResult();
    }

    /// <summary><c>with(explain=true)</c>.</summary>
    private static bool IsExplained(TraceQlQuery? query) => query?.HintValue("explain") is { Type: TraceQlType.Bool, AsBool: true };

    private async Task DecideAsync(ulong bound, CancellationToken cancellation)
    {
        while (_state.NextRound(bound, Math.Max(MinRound, _request.Limit)) is { Length: > 0 } round)
            await _team.ForEachAsync(Slices(round), static (worker, slice, token) =>
            {
                foreach (var candidate in slice) worker.Decide(candidate, token);
            }, cancellation).ConfigureAwait(false);
    }

    // Neighbours stay together: they lie on the same pages.
    private List<ArraySegment<Candidate>> Slices(Candidate[] all)
    {
        var count = Math.Clamp(all.Length / MinRound, 1, _options.MaxWorkers * 4);
        var slices = new List<ArraySegment<Candidate>>();
        for (var i = 0; i < count; i++)
        {
            var from = (int)((long)all.Length * i / count);
            slices.Add(new ArraySegment<Candidate>(all, from, (int)((long)all.Length * (i + 1) / count) - from));
        }

        return slices;
    }

    // What starts after all that is still to come cannot be pushed out of the answer any more.
    private void ReportCertain(ulong bound)
    {
        if (_request.Progress is not { } progress) return;
        if (bound >= _reportedDownTo)
        {
            progress.Report([], _state.Metrics);
            return;
        }

        progress.Report(_state.Between(bound, _reportedDownTo), _state.Metrics);
        _reportedDownTo = bound;
    }
}
