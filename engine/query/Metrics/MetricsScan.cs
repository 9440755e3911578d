using System.Runtime.ExceptionServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Copies;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// Runs the parts of a metrics query over all sources, on several threads:
/// <code>
/// 1  which traces are in several sources (<see cref="SharedTraces"/>), if a part counts span by span
/// 2  jobs of a live batch or a row group: parts that count span by span do so, but for shared traces that are counted elsewhere; parts
///    that need whole
///    traces note those that may match
/// 3  shared traces that are not only copies of each other, and noted ones, are put together whole, in the order of their places, and
///    counted
/// 4  what the threads have counted is added up, for each part
/// </code>
/// If somebody wants to see what has been counted (<see cref="MetricsIncrements"/>), the threads stop after the job at hand, 3 is
/// done for the traces known by then, and they go on.
/// Of a slice (<see cref="TraceSources.Slice"/>) row groups and pages without traces of it are passed over; traces of others on a page that
/// has some are left out like shared ones, and put together nowhere.
/// Threads take the next job when they are done with one; what they count adds up to the same, whoever took which.
/// Memory: a page of columns a thread, the cells, 16 bytes for each trace that is noted.
/// </summary>
internal sealed partial class MetricsScan : IDisposable
{
    private readonly MetricsPlan _plan;
    private readonly QueryBlocks _blocks;
    private readonly QueryProgress? _progress;
    private readonly ScanCounts? _counts;
    private readonly IWorkerSlots _slots;
    private readonly Worker[] _workers;
    private readonly MetricsIncrements? _increments;
    private SharedTraces _shared = SharedTraces.None;
    private TraceId[] _whole = [];
    private HashSet<TraceId>[] _noted = []; // by part
    private RowGroupJobs _rowGroups = new([]);
    private int _nextLive;
    private int _liveJobs;
    private int _nextTrace;

    public MetricsScan(
        MetricsPlan plan, TraceSources sources, QueryThreads threads, QueryProgress? progress = null, ScanCounts? counts = null,
        IPartialSeries? watcher = null)
    {
        _increments = MetricsIncrements.For(plan, watcher);
        _counts = counts;
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

    /// <summary>Traces that were put together.</summary>
    public int WholeTraceCount { get; private set; }

    /// <summary>What each part does, in order: a line each.</summary>
    public IEnumerable<string> Describe() => _workers[0].Leaves.Select(static leaf => leaf.Describe());

    private TimeAxis Axis => _plan.Options.Axis;

    private TraceSlice? Slice => _blocks.Sources.Slice;

    /// <summary>What was counted for each part, good until this is disposed of. Throws <see cref="QueryException"/>.</summary>
    public async Task<MetricsSum> RunAsync(CancellationToken cancellation)
    {
        if (_blocks.Sources.Live.Count + _blocks.InRange.Count == 0)
            return new MetricsSum(Counted, Metrics) { IsOfNothing = true, Damage = Damage };
        if (_plan.Leaves.Exists(static leaf => !leaf.IsByTrace))
            _shared = SharedTraces.Find(_blocks, _slots, _plan.Options.Budget, cancellation);
        AddJobs();
        await CountAsync(cancellation).ConfigureAwait(false);
        return new MetricsSum(Counted, Metrics) { Damage = Damage };
    }

    /// <summary>Gives memory back, of what was counted as well.</summary>
    public void Dispose()
    {
        foreach (var worker in _workers) worker.Release();
    }

    private async Task CountAsync(CancellationToken cancellation)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            await RunOnAllAsync(static (worker, stop) => worker.Scan(stop), cancellation).ConfigureAwait(false);
            await LookAtTracesAsync(isFirst ? _shared.Places : [], cancellation).ConfigureAwait(false);
            if (_increments is null || IsScanned) break;
            _increments.Give([.. Enumerable.Range(0, _plan.Leaves.Count)
                .Select(leaf => _workers.Select(worker => worker.Leaves[leaf].Accumulator))], FirstCertainNano(), cancellation);
        }

        Sum(cancellation);
    }

    private bool IsScanned => _nextLive >= _blocks.Sources.Live.Count && _rowGroups.First is null;

    // Spans that start then or later have all been seen; blocks are scanned by their latest span, the newest first.
    private long FirstCertainNano() =>
        _nextLive < _blocks.Sources.Live.Count || _rowGroups.First is not { } next
            ? long.MaxValue
            : (next.Meta.LatestSeconds + 1) * 1_000_000_000;

    private async Task LookAtTracesAsync(IEnumerable<(int Place, TraceId Id)> shared, CancellationToken cancellation)
    {
        _noted = [.. Enumerable.Range(0, _plan.Leaves.Count).Select(leaf => _workers.SelectMany(worker => worker.Noted[leaf]).ToHashSet())];
        _whole = WholeTraces.InOrder(shared.Concat(_workers.SelectMany(static worker => worker.Candidates)));
        if (_increments is not null)
        {
            _whole = _increments.NotLookedAtYet(_whole);
            foreach (var worker in _workers) worker.Candidates.Clear();
        }

        WholeTraceCount += _whole.Length;
        _nextTrace = 0;
        if (_whole.Length > 0) await RunOnAllAsync(static (worker, stop) => worker.LookAtTraces(stop), cancellation).ConfigureAwait(false);
    }

    private void AddJobs()
    {
        _rowGroups = new RowGroupJobs(_blocks.InRange, Slice, DropJobs);
        _liveJobs = _blocks.Sources.Live.Count;
        Metrics.TotalBlocks = (uint)_blocks.InRange.Count;
        Metrics.TotalBlockBytes = (ulong)_blocks.InRange.Sum(static block => block.Meta.SizeBytes);

        // Recent data counts as one job, as in Tempo.
        Metrics.TotalJobs = (uint)(_liveJobs > 0 ? 1 : 0) + (uint)_blocks.InRange.Sum(static block => block.Meta.RowGroupCount);
        Metrics.CompletedJobs = Metrics.TotalJobs;
        _progress?.Begin(Metrics);
    }

    // Row groups that have nothing of the slice, as is known when their block is open.
    private void DropJobs(int rowGroups)
    {
        _counts?.CountSkipped(TraceSlice.Outside, rowGroups);
        Metrics.TotalJobs -= (uint)rowGroups;
        Metrics.CompletedJobs = Metrics.TotalJobs;
        _progress?.DropJobs(rowGroups);
    }

    private async Task RunOnAllAsync(Action<Worker, CancellationToken> work, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var token = stop.Token;
        Exception? failure = null;
        // Without the token: each must be waited for, since it may have begun.
#pragma warning disable RS0030 // a query computes on all cores; the sums do not depend on the order
        var others = _workers.Skip(1).Select(
            worker => Task.Factory.StartNew(() => Run(worker), CancellationToken.None, TaskCreationOptions.None, TaskScheduler.Default))
                .ToArray();
#pragma warning restore RS0030
        Run(_workers[0]);
        await Task.WhenAll(others).ConfigureAwait(false);
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);

        // One that fails stops all. What the others then end with is only that they were stopped.
        void Run(Worker worker)
        {
            try
            {
                work(worker, token);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
                stop.Cancel();
            }
        }
    }

    // What all threads have counted, in those of the first.
    private void Sum(CancellationToken cancellation)
    {
        for (var leaf = 0; leaf < _plan.Leaves.Count; leaf++)
        {
            foreach (var worker in _workers.AsSpan(1))
            {
                cancellation.ThrowIfCancellationRequested();
                _workers[0].Leaves[leaf].Accumulator.AddAll(worker.Leaves[leaf].Accumulator);
            }
        }

        Metrics.InspectedBytes += _shared.ReadBytes;
        foreach (var worker in _workers)
        {
            Metrics.InspectedBytes += worker.InspectedBytes;
            Metrics.InspectedSpans += worker.InspectedSpans;
        }
    }

    private List<SpanAccumulator> Counted => [.. _workers[0].Leaves.Select(static leaf => leaf.Accumulator)];
}
