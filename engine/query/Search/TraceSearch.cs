using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Runs a search. Exact, newest first and the same every time (so <c>most_recent</c> asks for nothing more):
/// <code>
/// 1  scan live batches and blocks for traces that may match, each with a bound: its start as known there, which is never
///    earlier than the whole trace's start
/// 2  in rounds of descending bounds, bring the whole trace together from all sources and decide
/// 3  stop when there are as many answers as asked for, and none of the rest can be newer than the oldest of them
/// </code>
/// A trace is looked at by its parts that overlap the range of time asked for, and decided as a whole.
/// Memory: the candidates, one trace and a few pages at a time, the answers.
/// </summary>
public sealed class TraceSearch
{
    /// <summary>Candidates looked at before it is asked whether they were enough.</summary>
    private const int MinRound = 32;

    private const ulong SecondNano = 1_000_000_000;

    /// <summary>Candidates of live batches come first in a round; those of block i have place i + 1.</summary>
    private const int LivePlace = 0;

    private readonly SearchRequest _request;
    private readonly TraceSources _sources;
    private readonly SearchPlan _plan;
    private readonly TraceLoader _loader;
    private readonly Candidates _candidates = new();
    private readonly List<BlockReader> _blocks = [];
    private readonly SearchMetrics _metrics = new();
    private ulong _reportedDownTo = ulong.MaxValue;
    private int[] _selection = [];

    private TraceSearch(SearchRequest request, TraceSources sources, SearchOptions options)
    {
        _request = request;
        _sources = sources;
        _plan = SearchPlan.Create(request.Query, options.Kernel);
        _loader = new TraceLoader(sources, _plan.Columns, manyTraces: true);
    }

    /// <summary>Throws <see cref="QueryException"/> for a query that is wrong or cannot be run.</summary>
    public static Task<SearchResult> RunAsync(SearchRequest request, TraceSources sources, CancellationToken cancellation) =>
        RunAsync(request, sources, new SearchOptions(), cancellation);

    /// <summary>The same with limits and choices of the host.</summary>
    public static async Task<SearchResult> RunAsync(SearchRequest request, TraceSources sources, SearchOptions options, CancellationToken cancellation)
    {
        var search = new TraceSearch(request, sources, options);
        if (search._plan.Candidates.SelectsNone) return new SearchResult();
        await search.OpenBlocksAsync(cancellation).ConfigureAwait(false);
        if (sources.Live.Count > 0) search.ScanLive(cancellation);
        for (var i = 0; i < search._blocks.Count; i++) search.ScanBlock(i, cancellation);
        return search.Decide(cancellation);
    }

    // All blocks, whatever their time: a candidate's trace may go on in any.
    private async Task OpenBlocksAsync(CancellationToken cancellation)
    {
        foreach (var handle in _sources.Blocks)
        {
            try
            {
                _blocks.Add(await handle.OpenAsync(cancellation).ConfigureAwait(false));
            }
            catch (BlockReadException e)
            {
                _loader.ReportDamage(handle.Meta, e);
            }
        }
    }

    private void ScanLive(CancellationToken cancellation)
    {
        _metrics.TotalJobs++;
        foreach (var view in _sources.Live)
        {
            cancellation.ThrowIfCancellationRequested();
            ScanBatch(view);
        }

        _metrics.CompletedJobs++;
        _request.Progress?.Report([], _metrics);
    }

    private void ScanBatch(LiveBatchView view)
    {
        var batch = view.Columns;
        _metrics.InspectedSpans += (ulong)view.SpanCount;
        GrowableArray.Reserve(ref _selection, view.SpanCount);
        // The trace table may be ahead of the spans that may be read.
        var isFound = new bool[batch.TraceCount];
        foreach (var row in _selection.AsSpan(0, _plan.Candidates.Select(batch, view.SpanCount, _selection)))
        {
            var trace = batch.Trace[row];
            if (isFound[trace]) continue;
            isFound[trace] = true;
            _candidates.Add(batch.TraceIds[trace], batch.StartUnixNano[row], LivePlace);
        }
    }

    private void ScanBlock(int number, CancellationToken cancellation)
    {
        var block = _blocks[number];
        if (!block.Meta.Overlaps(_request.StartSeconds, _request.EndSeconds)) return;
        _metrics.TotalBlocks++;
        _metrics.TotalBlockBytes += (ulong)block.Meta.SizeBytes;
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            _metrics.TotalJobs++;
            try
            {
                var rows = _loader.OpenRowGroup(block, group);
                foreach (var (start, count) in rows.ScanRanges())
                {
                    cancellation.ThrowIfCancellationRequested();
                    ScanRows(rows.Read(start, count, _plan.ScanColumns), number);
                }

                _metrics.InspectedBytes += (ulong)block.RowGroupBytes(group);
                _metrics.CompletedJobs++;
                _request.Progress?.Report([], _metrics);
            }
            catch (BlockReadException e)
            {
                _loader.ReportDamage(block.Meta, e);
            }
        }
    }

    private void ScanRows(SpanBatch batch, int block)
    {
        _metrics.InspectedSpans += (ulong)batch.SpanCount;
        GrowableArray.Reserve(ref _selection, batch.SpanCount);
        var decided = -1;
        foreach (var row in _selection.AsSpan(0, _plan.Candidates.Select(batch, _selection)))
        {
            var trace = batch.Trace[row];
            if (trace == decided) continue;
            decided = trace;
            if (OverlapsTime(batch.TraceStart[trace], batch.TraceEnd[trace])) _candidates.Add(batch.TraceIds[trace], batch.TraceStart[trace], block + 1);
        }
    }

    private SearchResult Decide(CancellationToken cancellation)
    {
        var found = new NewestTraces(_request.Limit);
        _candidates.Complete();
        while (_candidates.TryPeek(out var newest) && found.HasRoomFor(newest))
        {
            foreach (var candidate in _candidates.TakeRound(Math.Max(MinRound, _request.Limit)))
            {
                cancellation.ThrowIfCancellationRequested();
                if (!found.HasRoomFor(candidate.Bound)) continue;
                _metrics.InspectedTraces++;
                if (TryAnswer(candidate.Id) is { } answer) found.Add(answer);
            }

            ReportCertain(found);
        }

        _metrics.InspectedBytes += _loader.InspectedBytes;
        var result = new SearchResult { Metrics = _metrics, Message = _loader.Damage };
        found.DrainTo(result.Traces);
        return result;
    }

    // What starts after all remaining candidates' bounds cannot be pushed out of the answer any more.
    private void ReportCertain(NewestTraces found)
    {
        if (_request.Progress is not { } progress || !_candidates.TryPeek(out var bound) || bound >= _reportedDownTo) return;
        progress.Report(found.Between(bound, _reportedDownTo), _metrics);
        _reportedDownTo = bound;
    }

    private TraceSearchResult? TryAnswer(TraceId id)
    {
        if (_loader.Load(id, _blocks) is not { } trace || !OverlapsTime(trace.StartUnixNano, trace.EndUnixNano)) return null;
        var duration = trace.EndUnixNano - trace.StartUnixNano;
        if (_request.MinDurationNano > 0 && duration < (ulong)_request.MinDurationNano) return null;
        if (_request.MaxDurationNano > 0 && duration > (ulong)_request.MaxDurationNano) return null;
        var describer = new TraceDescriber(trace, _plan);
        if (_plan.Source is not { } source) return describer.Describe();
        var sets = source.Run(trace);
        return sets.Count == 0 ? null : describer.Describe(sets, _request.SpansPerSpanSet);
    }

    private bool OverlapsTime(ulong startUnixNano, ulong endUnixNano) =>
        (_request.EndSeconds == 0 || startUnixNano <= _request.EndSeconds * SecondNano)
        && (_request.StartSeconds == 0 || endUnixNano >= _request.StartSeconds * SecondNano);
}
