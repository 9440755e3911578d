using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// The jobs of a search in the order of their bounds. A block stands there as a whole, by what its meta says of its times, until no
/// job is newer: then it is opened, and its row groups take its place, by what its footer says of theirs. Blocks that are older than
/// the oldest answer are never opened. Row groups without traces of the slice that is asked for are no jobs.
/// </summary>
internal sealed class SearchJobs
{
    /// <summary>Live batches of one job: about a millisecond's work.</summary>
    private const int LiveBatchesPerJob = 8;

    /// <summary>Blocks that are opened at once: a far store answers many questions as fast as one.</summary>
    private const int OpenedAtOnce = 8;

    private readonly SearchRequest _request;
    private readonly QueryBlocks _blocks;
    private readonly SearchState _state;
    private readonly PriorityQueue<SearchJob, SearchJob> _queue = new(NewestFirst);
    private int _taken;

    public SearchJobs(SearchRequest request, QueryBlocks blocks, SearchState state)
    {
        (_request, _blocks, _state) = (request, blocks, state);
        var live = blocks.Sources.Live.Count;
        for (var first = 0; first < live; first += LiveBatchesPerJob)
            Add(new SearchJob(ulong.MaxValue, 0, first, Math.Min(LiveBatchesPerJob, live - first)));
        foreach (var block in blocks.InRange)
        {
            state.Metrics.TotalBlocks++;
            state.Metrics.TotalBlockBytes += (ulong)block.Meta.SizeBytes;
            Add(new SearchJob(block.LatestUnixNano, block.Number + 1, 0, GuessJobs(block)) { IsUnopened = true });
        }
    }

    // In the order of their places where bounds are equal; the row groups of a block come after those of the blocks before it.
    private static readonly Comparer<SearchJob> NewestFirst = Comparer<SearchJob>.Create(static (a, b) =>
        a.Bound != b.Bound ? b.Bound.CompareTo(a.Bound) : a.Place != b.Place ? a.Place.CompareTo(b.Place) : a.First.CompareTo(b.First));

    /// <summary>No job that is left has a trace that starts later; 0 if none is left.</summary>
    public ulong Bound => _queue.TryPeek(out var next, out _) ? next.Bound : 0;

    /// <summary>The next jobs, as many as are asked for if there are so many that can change the answer.</summary>
    public async Task<List<SearchJob>> TakeAsync(int count, CancellationToken cancellation)
    {
        var taken = new List<SearchJob>();
        var unopened = new List<QueryBlock>();
        while (taken.Count < count && _queue.TryPeek(out var next, out _) && _state.HasRoomFor(next.Bound))
        {
            if (!next.IsUnopened)
            {
                taken.Add(_queue.Dequeue());
                continue;
            }

            unopened.Clear();
            for (; unopened.Count < Math.Min(OpenedAtOnce, count - taken.Count) && _queue.TryPeek(out next, out _) && next.IsUnopened;
                _queue.Dequeue())
                unopened.Add(_blocks.All[next.Block]);
            await OpenAsync(unopened, cancellation).ConfigureAwait(false);
        }

        _taken += taken.Count;
        return taken;
    }

    /// <summary>Says how many jobs were not done, and how many blocks were not opened, because they cannot change the answer.</summary>
    public void ExplainRest(SearchExplanation explanation)
    {
        var jobs = _taken - _state.StartedJobs;
        foreach (var (job, _) in _queue.UnorderedItems)
        {
            jobs += job.IsUnopened ? job.Count : 1;
            if (job.IsUnopened) explanation.CountUnopened();
        }

        explanation.Scan.CountSkipped("older than all answers", jobs);
    }

    private async Task OpenAsync(List<QueryBlock> blocks, CancellationToken cancellation)
    {
        var readers = await Task.WhenAll(blocks.Select(block => block.TryOpenAsync(cancellation).AsTask())).ConfigureAwait(false);
        for (var i = 0; i < readers.Length; i++)
        {
            // Now it is known how many there are.
            _state.Metrics.TotalJobs -= (uint)GuessJobs(blocks[i]);
            if (readers[i] is not { } reader) continue;
            var found = TraceSlice.RowGroupsOf(_blocks.Sources.Slice, reader);
            if (reader.RowGroupCount > found.Length)
                _state.Explanation?.Scan.CountSkipped(TraceSlice.Outside, reader.RowGroupCount - found.Length);
            foreach (var group in found) AddRowGroup(blocks[i], reader, group);
        }
    }

    // How many jobs a block is thought to be until it is open. Of a slice they are few: were all of them counted, those of many slices
    // would come to many times those of the whole.
    private int GuessJobs(QueryBlock block) => _blocks.Sources.Slice is null ? Math.Max(1, block.Meta.RowGroupCount) : 1;

    private void AddRowGroup(QueryBlock block, BlockReader reader, int group)
    {
        var times = TimesOf(reader, group);
        if (TimeRange.Overlaps(_request, times.MinStartUnixNano, times.MaxEndUnixNano))
            Add(new SearchJob(times.MaxStartUnixNano, block.Number + 1, group, 1));
        else _state.Explanation?.Scan.CountSkipped("outside the time asked for");
    }

    private static TraceTimes TimesOf(BlockReader block, int group)
    {
        try
        {
            return block.OpenRowGroup(group).Facts.TraceTimes;
        }
        catch (BlockReadException)
        {
            // Whoever scans it will say what is wrong.
            return new TraceTimes(0, ulong.MaxValue, ulong.MaxValue);
        }
    }

    private void Add(SearchJob job)
    {
        _queue.Enqueue(job, job);
        _state.Metrics.TotalJobs += (uint)(job.IsUnopened ? job.Count : 1);
    }
}
