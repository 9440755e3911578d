using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// Runs the parts of a metrics query over all sources, on several threads:
/// <code>
/// 1  which traces are in several sources (<see cref="SharedTraces"/>), if a part counts span by span
/// 2  jobs of a live batch or a row group: parts that count span by span do so, but for shared traces; parts that need whole
///    traces note those that may match
/// 3  shared and noted traces are put together whole, in the order of their places, and counted
/// 4  what the threads have counted is added up
/// </code>
/// Threads take the next job when they are done with one; what they count adds up to the same, whoever took which.
/// Memory: a page of columns a thread, the cells, 16 bytes for each trace that is noted.
/// </summary>
internal sealed class MetricsScan
{
    private readonly MetricsPlan _plan;
    private readonly QueryBlocks _blocks;
    private readonly QueryProgress? _progress;
    private readonly IWorkerSlots _slots;
    private readonly Worker[] _workers;
    private SharedTraces _shared = new();
    private TraceId[] _whole = [];
    private HashSet<TraceId> _noted = [];
    private RowGroupJobs _rowGroups = new([]);
    private int _nextLive;
    private int _liveJobs;
    private int _nextTrace;

    public MetricsScan(MetricsPlan plan, TraceSources sources, QueryThreads threads, QueryProgress? progress = null)
    {
        _progress = progress;
        _slots = threads.Slots;
        _plan = plan;
        const long second = 1_000_000_000;
        _blocks = QueryBlocks.Of(sources, Math.Max(1, Axis.LowerUnixNano / second), Math.Max(1, Axis.UpperUnixNano / second));
        _workers = [.. Enumerable.Range(0, Math.Max(1, threads.Count)).Select(_ => new Worker(this))];
    }

    /// <summary>What was looked at.</summary>
    public SearchMetrics Metrics { get; } = new();

    /// <summary>What could not be read; empty if nothing.</summary>
    public string Damage => _blocks.Damage;

    private TimeAxis Axis => _plan.Options.Axis;

    /// <summary>The series of each part. Throws <see cref="QueryException"/>.</summary>
    public async Task<List<List<Series.Series>>> RunAsync(CancellationToken cancellation)
    {
        if (_blocks.Sources.Live.Count + _blocks.InRange.Count == 0) return [.. _plan.Leaves.Select(static _ => new List<Series.Series>())];
        if (_plan.Leaves.Exists(static leaf => !leaf.IsByTrace)) _shared = SharedTraces.Find(_blocks, _plan.Options.Budget, cancellation);
        AddJobs();
        try
        {
            return await CountAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var worker in _workers) worker.Release();
        }
    }

    private async Task<List<List<Series.Series>>> CountAsync(CancellationToken cancellation)
    {
        await RunOnAllAsync(static (worker, stop) => worker.Scan(stop), cancellation).ConfigureAwait(false);
        _noted = [.. _workers.SelectMany(static worker => worker.Noted)];
        _whole = WholeTraces.InOrder(_shared.Places.Concat(_workers.SelectMany(static worker => worker.Candidates)));
        if (_whole.Length > 0) await RunOnAllAsync(static (worker, stop) => worker.LookAtTraces(stop), cancellation).ConfigureAwait(false);
        return Sum(cancellation);
    }

    private void AddJobs()
    {
        _rowGroups = new RowGroupJobs(_blocks.InRange);
        _liveJobs = _blocks.Sources.Live.Count;
        Metrics.TotalBlocks = (uint)_blocks.InRange.Count;
        Metrics.TotalBlockBytes = (ulong)_blocks.InRange.Sum(static block => block.Meta.SizeBytes);

        // Recent data counts as one job, as in Tempo.
        Metrics.TotalJobs = (uint)(_liveJobs > 0 ? 1 : 0) + (uint)_blocks.InRange.Sum(static block => block.Meta.RowGroupCount);
        Metrics.CompletedJobs = Metrics.TotalJobs;
        _progress?.Begin(Metrics);
    }

    private async Task RunOnAllAsync(Action<Worker, CancellationToken> work, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var others = _workers.Skip(1).Select(worker => Task.Factory.StartNew(() => Run(worker), stop.Token, TaskCreationOptions.None, TaskScheduler.Default)).ToArray();
        try
        {
            Run(_workers[0]);
        }
        finally
        {
            await ((Task)Task.WhenAll(others)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(others).ConfigureAwait(false);

        // One that fails stops all.
        void Run(Worker worker)
        {
            try
            {
                work(worker, stop.Token);
            }
            catch
            {
                stop.Cancel();
                throw;
            }
        }
    }

    private List<List<Series.Series>> Sum(CancellationToken cancellation)
    {
        var result = new List<List<Series.Series>>();
        for (var leaf = 0; leaf < _plan.Leaves.Count; leaf++)
        {
            var sum = _workers[0].Leaves[leaf].Accumulator;
            foreach (var worker in _workers.AsSpan(1))
            {
                cancellation.ThrowIfCancellationRequested();
                sum.AddAll(worker.Leaves[leaf].Accumulator);
            }

            result.Add(_plan.Leaves[leaf].MatchesNothing ? [] : sum.ToSeries());
        }

        foreach (var worker in _workers)
        {
            Metrics.InspectedBytes += worker.InspectedBytes;
            Metrics.InspectedSpans += worker.InspectedSpans;
        }

        return result;
    }

    /// <summary>One thread's part.</summary>
    private sealed class Worker
    {
        /// <summary>Shared or noted traces that a thread takes at once; neighbours lie on the same pages.</summary>
        private const int TracesAtOnce = 256;

        private readonly MetricsScan _scan;
        private readonly TraceLoader _loader;
        private readonly TracePlaces _places;
        private readonly HashSet<TraceId> _noted = [];
        private bool[] _isElsewhere = [];

        public Worker(MetricsScan scan)
        {
            _scan = scan;
            Leaves = [.. scan._plan.Leaves.Select(leaf => new LeafWorker(leaf, scan._plan.Options))];
            var columns = BatchColumns.Spans;
            foreach (var leaf in scan._plan.Leaves) columns |= leaf.TraceColumns;
            _loader = new TraceLoader(scan._blocks, new TraceNeeds { Columns = columns, Fields = [.. scan._plan.Leaves.SelectMany(static leaf => leaf.Fields).Distinct()], HasTree = scan._plan.NeedsTree });
            _places = new TracePlaces(scan._blocks);
        }

        public List<LeafWorker> Leaves { get; }

        /// <summary>Traces that have to be looked at whole.</summary>
        public List<(int Place, TraceId Id)> Candidates { get; } = [];

        /// <summary>Those among them of which a part that <see cref="LeafPlan.NeedsTraces"/> could not count the spans where they are.</summary>
        public IReadOnlyCollection<TraceId> Noted => _noted;

        public ulong InspectedBytes => _loader.InspectedBytes;

        public ulong InspectedSpans { get; private set; }

        public void Scan(CancellationToken cancellation)
        {
            foreach (var leaf in Leaves) leaf.Watch(cancellation);
            var live = _scan._blocks.Sources.Live;
            while (Interlocked.Increment(ref _scan._nextLive) - 1 is var number && number < live.Count)
            {
                _scan._slots.Yield(cancellation);
                var spans = InspectedSpans;
                ScanBatch(null, live[number].Columns, live[number].SpanCount, place: 0);

                // All live batches together are one job of the answer.
                if (Interlocked.Decrement(ref _scan._liveJobs) == 0) _scan._progress?.CompleteJob(0, InspectedSpans - spans);
            }

            while (_scan._rowGroups.TryTake(out var block, out var group))
            {
                _scan._slots.Yield(cancellation);
                var (bytes, spans) = (InspectedBytes, InspectedSpans);
                ScanRowGroup(block, group, cancellation);
                _scan._progress?.CompleteJob(InspectedBytes - bytes, InspectedSpans - spans);
            }
        }

        /// <summary>Everything is counted; gives memory back.</summary>
        public void Release()
        {
            foreach (var leaf in Leaves) leaf.Release();
            _loader.Release();
        }

        public void LookAtTraces(CancellationToken cancellation)
        {
            var whole = _scan._whole;
            foreach (var leaf in Leaves) leaf.Watch(cancellation);
            while (Interlocked.Add(ref _scan._nextTrace, TracesAtOnce) - TracesAtOnce is var first && first < whole.Length)
            {
                for (var i = first; i < Math.Min(first + TracesAtOnce, whole.Length); i++)
                {
                    _scan._slots.Yield(cancellation);
                    if (_loader.Load(whole[i]) is not { } trace) continue;
                    foreach (var leaf in Leaves)
                        if (leaf.IsByTrace || _scan._shared.Contains(whole[i]) || leaf.NeedsTraces && _scan._noted.Contains(whole[i]))
                            leaf.AddTrace(trace);
                }
            }
        }

        private void ScanRowGroup(QueryBlock block, int group, CancellationToken cancellation)
        {
            try
            {
                foreach (var (start, count) in _loader.OpenRowGroup(block, group).ScanRanges())
                {
                    _scan._slots.Yield(cancellation);
                    var batch = _loader.OpenPage(block, group, start, count);
                    InspectedSpans += (ulong)batch.SpanCount;
                    ScanBatch(block, batch, batch.SpanCount, block.Number + 1);
                }
            }
            catch (BlockReadException e)
            {
                _scan._blocks.Report(block.Meta, e);
            }
        }

        private void ScanBatch(QueryBlock? block, SpanBatch batch, int spanCount, int place)
        {
            var isShared = _scan._shared.MarksOf(batch);
            bool[]? isFound = null;
            foreach (var leaf in Leaves)
            {
                if (leaf.IsByTrace)
                {
                    leaf.FindCandidates(batch, spanCount, isFound ??= new bool[batch.TraceCount]);
                }
                else if (!leaf.NeedsTraces)
                {
                    leaf.AddRows(batch, spanCount, isShared);
                }
                else
                {
                    var isKnown = leaf.IsKnownBy(block, batch);
                    var isElsewhere = MarkElsewhere(isKnown ? block : null, batch, isShared);
                    if (isKnown) leaf.AddRows(batch, spanCount, isElsewhere);
                    Note(leaf, batch, spanCount, isElsewhere, isFound ??= new bool[batch.TraceCount]);
                }
            }

            for (var trace = 0; trace < isFound?.Length; trace++)
            {
                if (!isFound[trace] || !Overlaps(batch, trace)) continue;
                _scan._plan.Options.Budget.Charge(WholeTraces.EntryBytes, "trace ids");
                Candidates.Add((place, batch.TraceIds[trace]));
            }
        }

        // Traces whose facts the page does not know: of live batches and of blocks of others all, else those with parts elsewhere.
        private bool[] MarkElsewhere(QueryBlock? block, SpanBatch batch, bool[]? isShared)
        {
            GrowableArray.Reserve(ref _isElsewhere, batch.TraceCount);
            for (var trace = 0; trace < batch.TraceCount; trace++)
                _isElsewhere[trace] = block is null || isShared is not null && isShared[trace] || _places.MayLieElsewhere(block, batch.TraceIds[trace]);
            return _isElsewhere;
        }

        private void Note(LeafWorker leaf, SpanBatch batch, int spanCount, bool[] isElsewhere, bool[] isFound)
        {
            if (!isElsewhere.AsSpan(0, batch.TraceCount).Contains(true)) return;
            var may = new bool[batch.TraceCount];
            leaf.FindCandidates(batch, spanCount, may);
            for (var trace = 0; trace < may.Length; trace++)
            {
                if (!may[trace] || !isElsewhere[trace]) continue;
                isFound[trace] = true;
                _noted.Add(batch.TraceIds[trace]);
            }
        }

        // A live batch does not say when its traces begin and end.
        private bool Overlaps(SpanBatch batch, int trace) =>
            batch.TraceStart.Length == 0 || (long)batch.TraceStart[trace] <= _scan.Axis.UpperUnixNano && (long)batch.TraceEnd[trace] > _scan.Axis.LowerUnixNano;
    }
}
