using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// One thread of a search: scans jobs for traces that may match, and decides on whole traces. While a page is at hand its
/// candidates are decided at once if there is room for all of them in the answer; else they wait for their turn by time.
/// </summary>
internal sealed class SearchWorker
{
    private readonly SearchRequest _request;
    private readonly QueryBlocks _blocks;
    private readonly TraceSlice? _slice;
    private readonly SearchState _state;
    private readonly IWorkerSlots _slots;
    private readonly SearchPlan _plan;
    private readonly TraceLoader _loader;
    private readonly TraceDescriber _describer;
    private readonly TracePlaces _places;
    private readonly PageAnswers? _pageAnswers;
    private readonly List<Candidate> _page = [];
    private int[] _selection = [];
    private int _selected;
    private ulong _reportedBytes;

    public SearchWorker(SearchRequest request, TraceQlQuery? query, QueryBlocks blocks, SearchOptions options, SearchState state)
    {
        _request = request;
        _blocks = blocks;
        _slice = blocks.Sources.Slice;
        _state = state;
        _slots = options.Workers;
        _plan = SearchPlan.Create(query, options.Kernel);
        _loader = new TraceLoader(blocks, _plan.Needs);
        _describer = new TraceDescriber(_plan);
        _places = new TracePlaces(blocks);
        _pageAnswers = PageAnswers.TryCreate(query?.SearchPipeline, _plan, _describer, options.Kernel);
    }

    /// <summary>Says which traces of the job are worth looking at, and looks at them if it can.</summary>
    public void Scan(SearchJob job, CancellationToken cancellation)
    {
        _slots.Yield(cancellation);
        if (!_state.TryStart(job)) return;
        _plan.Watch(cancellation);
        _pageAnswers?.Watch(cancellation);
        try
        {
            if (job.IsLive) ScanLive(job, cancellation);
            else ScanRowGroup(job, cancellation);
            _state.CompleteJob();
        }
        catch (BlockReadException e)
        {
            _blocks.Report(_blocks.All[job.Block].Meta, e);
        }
    }

    /// <summary>Looks at one trace that was kept for later.</summary>
    public void Decide(Candidate candidate, CancellationToken cancellation)
    {
        _slots.Yield(cancellation);
        if (!_state.HasRoomFor(candidate.Bound)) return;
        _plan.Watch(cancellation);
        if (TryAnswer(candidate.Id) is { } answer) _state.AddAnswer(answer);
        ReportBytes();
    }

    /// <summary>Everything is decided; gives memory back.</summary>
    public void Release() => _loader.Release();

    private void ScanLive(SearchJob job, CancellationToken cancellation)
    {
        for (var i = job.First; i < job.First + job.Count; i++)
        {
            _slots.Yield(cancellation);
            var view = _blocks.Sources.Live[i];
            CollectLive(view);
            _state.AddScanned(view.SpanCount, 0);
            DecideOrKeepPage(cancellation);
        }
    }

    private void CollectLive(LiveBatchView view)
    {
        var batch = view.Columns;
        _page.Clear();
        GrowableArray.Reserve(ref _selection, view.SpanCount);
        var rows = _selection.AsSpan(0, _plan.Candidates.Select(batch, view.SpanCount, _selection));
        if (_slice is not null) rows = rows[..KeepOfSlice(batch, rows)];
        if (rows.IsEmpty) return;
        // The trace table may be ahead of the spans that may be read.
        var placeOf = new Dictionary<int, int>();
        foreach (var row in rows)
        {
            var trace = batch.Trace[row];
            var start = batch.StartUnixNano[row];
            if (placeOf.TryAdd(trace, _page.Count)) _page.Add(new Candidate(batch.TraceIds[trace], start, 0));
            else if (start < _page[placeOf[trace]].Bound) _page[placeOf[trace]] = _page[placeOf[trace]] with { Bound = start };
        }

        _page.RemoveAll(candidate => !_state.HasRoomFor(candidate.Bound));
    }

    // Rows of traces of the slice come first, in their order; how many they are.
    private int KeepOfSlice(SpanBatch batch, Span<int> rows)
    {
        var kept = 0;
        foreach (var row in rows)
            if (_slice!.Contains(batch.TraceIds[batch.Trace[row]]))
                rows[kept++] = row;
        return kept;
    }

    private void ScanRowGroup(SearchJob job, CancellationToken cancellation)
    {
        var block = _blocks.All[job.Block];
        if (_plan.Candidates.FindExcluding(_loader.OpenRowGroup(block, job.First).Facts) is { } excluding)
        {
            _state.Explanation?.Scan.CountSkipped(excluding);
            return;
        }

        foreach (var (start, count) in _loader.OpenRowGroup(block, job.First).ScanRanges())
        {
            _slots.Yield(cancellation);
            if (FindExcluding(_loader.OpenRowGroup(block, job.First).FactsOf(start, count)) is { } why)
            {
                _state.Explanation?.Scan.CountSkippedPage(why);
                continue;
            }

            var batch = _loader.OpenPage(block, job.First, start, count);
            var (first, end) = TracesOfSlice(batch);
            if (_slice is not null && first == end)
            {
                _state.Explanation?.Scan.CountSkippedPage(TraceSlice.Outside);
                ReportBytes();
                continue;
            }

            CollectPage(batch, first, end, job.Place);
            _state.Explanation?.Scan.CountPage(_page.Count == 0);
            _state.AddScanned(batch.SpanCount, 0);
            DecideOrKeepPage(cancellation, _pageAnswers is not null && block.HasOwnTrees ? block : null, batch);
            ReportBytes();
        }
    }

    // Why no trace of a page can be an answer; null if it must be read.
    private string? FindExcluding(PageFacts facts)
    {
        if (_slice is not null && !_slice.Meets(facts.TraceIds)) return TraceSlice.Outside;
        var times = facts.TraceTimes;
        if (!OverlapsTime(times.MinStartUnixNano, times.MaxEndUnixNano)) return "outside the time asked for";
        return _state.HasRoomFor(times.MaxStartUnixNano) ? _plan.Candidates.FindExcluding(facts) : "older than all answers";
    }

    // Those of a page that are candidates, by their numbers; all without a slice. They ascend by id.
    private (int First, int End) TracesOfSlice(SpanBatch batch)
    {
        if (_slice is null) return (0, batch.TraceCount);
        var (first, count) = _slice.RangeIn(batch.TraceIds.AsSpan(0, batch.TraceCount)).GetOffsetAndLength(batch.TraceCount);
        return (first, first + count);
    }

    private void CollectPage(SpanBatch batch, int first, int end, int place)
    {
        _page.Clear();
        GrowableArray.Reserve(ref _selection, batch.SpanCount);
        var decided = -1;
        _selected = _plan.Candidates.Select(batch, _selection);
        foreach (var row in _selection.AsSpan(0, _selected))
        {
            var trace = batch.Trace[row];
            if (trace == decided) continue;
            decided = trace;
            if (trace < first || trace >= end) continue;
            if (_state.HasRoomFor(batch.TraceStart[trace]) && OverlapsTime(batch.TraceStart[trace], batch.TraceEnd[trace]))
                _page.Add(new Candidate(batch.TraceIds[trace], batch.TraceStart[trace], place));
        }
    }

    private void DecideOrKeepPage(CancellationToken cancellation, QueryBlock? alone = null, SpanBatch? page = null)
    {
        if (_page.Count == 0 || !_state.TakeOrKeep(_page)) return;
        if (alone is not null)
        {
            try
            {
                AnswerFromPage(alone, page!, cancellation);
            }
            catch (BlockReadException e)
            {
                // Its traces lie nowhere else; other pages may be sound.
                _blocks.Report(alone.Meta, e);
                return;
            }
        }

        foreach (var candidate in _page)
        {
            _slots.Yield(cancellation);
            if (_state.HasRoomFor(candidate.Bound) && TryAnswer(candidate.Id) is { } answer) _state.AddAnswer(answer);
        }
    }

    // Takes those that the page can answer off the list: first, since looking for others may let go of the page.
    private void AnswerFromPage(QueryBlock block, SpanBatch batch, CancellationToken cancellation)
    {
        if (!_pageAnswers!.TryBegin(batch, _selection, _selected)) return;
        var left = 0;
        foreach (var candidate in CollectionsMarshal.AsSpan(_page))
        {
            _slots.Yield(cancellation);
            var trace = Array.BinarySearch(batch.TraceIds, 0, batch.TraceCount, candidate.Id);
            if (trace < 0 || _places.MayLieElsewhere(block, candidate.Id))
            {
                CollectionsMarshal.AsSpan(_page)[left++] = candidate;
                continue;
            }

            var duration = batch.TraceEnd[trace] - batch.TraceStart[trace];
            if (_state.HasRoomFor(candidate.Bound) && HasDuration(duration)
                && _pageAnswers.Answer(trace, _request.SpansPerSpanSet) is { } answer)
                _state.AddAnswer(answer);
        }

        _page.RemoveRange(left, _page.Count - left);
    }

    private bool HasDuration(ulong duration) =>
        !(_request.MinDurationNano > 0 && duration < (ulong)_request.MinDurationNano)
            && !(_request.MaxDurationNano > 0 && duration > (ulong)_request.MaxDurationNano);

    private TraceSearchResult? TryAnswer(TraceId id)
    {
        if (_loader.Load(id) is not { } trace || !OverlapsTime(trace.StartUnixNano, trace.EndUnixNano)) return null;
        if (!_state.HasRoomFor(trace.StartUnixNano)) return null;
        if (!HasDuration(trace.EndUnixNano - trace.StartUnixNano)) return null;
        if (_plan.Source is not { } source) return _describer.Describe(trace);
        var sets = source.Run(trace);
        return sets.Count == 0 ? null : _describer.Describe(trace, sets, _request.SpansPerSpanSet);
    }

    private bool OverlapsTime(ulong startUnixNano, ulong endUnixNano) => TimeRange.Overlaps(_request, startUnixNano, endUnixNano);

    private void ReportBytes()
    {
        var bytes = _loader.InspectedBytes;
        _state.AddReadBytes((long)(bytes - _reportedBytes));
        _reportedBytes = bytes;
    }
}
