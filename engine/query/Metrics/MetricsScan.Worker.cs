using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Copies;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics;

// What one thread does.
internal sealed partial class MetricsScan
{
    /// <summary>One thread's part.</summary>
    private sealed class Worker
    {
        /// <summary>Shared or noted traces that a thread takes at once; neighbours lie on the same pages.</summary>
        private const int TracesAtOnce = 256;

        private readonly MetricsScan _scan;
        private readonly TraceLoader _loader;
        private readonly TracePlaces _places;
        private readonly bool[] _isExcluded;
        private bool[] _isElsewhere = [];

        public Worker(MetricsScan scan)
        {
            _scan = scan;
            Leaves = [.. scan._plan.Leaves.Select(leaf => new LeafWorker(leaf, scan._plan.Options))];
            Noted = [.. Leaves.Select(static _ => new HashSet<TraceId>())];
            _isExcluded = new bool[Leaves.Count];
            var columns = BatchColumns.Spans;
            foreach (var leaf in scan._plan.Leaves) columns |= leaf.TraceColumns;
            _loader = new TraceLoader(
                scan._blocks, new TraceNeeds
                {
                    Columns = columns,
                    Fields = [.. scan._plan.Leaves.SelectMany(static leaf => leaf.Fields).Distinct()],
                    HasTree = scan._plan.NeedsTree
                });
            _places = new TracePlaces(scan._blocks);
        }

        public List<LeafWorker> Leaves { get; }

        /// <summary>Traces that have to be looked at whole.</summary>
        public List<(int Place, TraceId Id)> Candidates { get; } = [];

        /// <summary>
        /// By part: those among them of which a part that <see cref="LeafPlan.NeedsTraces"/> could not count the spans where they are.
        /// </summary>
        public HashSet<TraceId>[] Noted { get; }

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
                ScanBatch(null, live[number].Columns, live[number].SpanCount, _scan._shared.CopiesInLive(number));

                // All live batches together are one job of the answer.
                if (Interlocked.Decrement(ref _scan._liveJobs) == 0) _scan._progress?.CompleteJob(0, InspectedSpans - spans);
                if (_scan._increments is { IsWanted: true }) return;
            }

            while (_scan._rowGroups.TryTake(out var block, out var group))
            {
                _scan._slots.Yield(cancellation);
                var (bytes, spans) = (InspectedBytes, InspectedSpans);
                ScanRowGroup(block, group, cancellation);
                _scan._progress?.CompleteJob(InspectedBytes - bytes, InspectedSpans - spans);
                if (_scan._increments is { IsWanted: true }) return;
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
                    for (var leaf = 0; leaf < Leaves.Count; leaf++)
                        if (Leaves[leaf].IsByTrace || _scan._shared.IsWhole(whole[i]) || _scan._noted[leaf].Contains(whole[i]))
                            Leaves[leaf].AddTrace(trace);
                }
            }
        }

        private void ScanRowGroup(QueryBlock block, int group, CancellationToken cancellation)
        {
            try
            {
                var rows = _loader.OpenRowGroup(block, group);
                Array.Clear(_isExcluded);
                if (Exclude(rows.Facts) is { } why)
                {
                    _scan._counts?.CountSkipped(why);
                    return;
                }

                var ofRowGroup = _isExcluded.ToArray();
                foreach (var (start, count) in rows.ScanRanges())
                {
                    _scan._slots.Yield(cancellation);
                    ofRowGroup.CopyTo(_isExcluded, 0);
                    var facts = _loader.OpenRowGroup(block, group).FactsOf(start, count);
                    if ((FindOutside(facts) ?? Exclude(facts)) is { } whyPage)
                    {
                        _scan._counts?.CountSkippedPage(whyPage);
                        continue;
                    }

                    var batch = _loader.OpenPage(block, group, start, count);
                    ScanBatch(block, batch, batch.SpanCount, copies: null);
                }
            }
            catch (BlockReadException e)
            {
                _scan._blocks.Report(block.Meta, e);
            }
        }

        private string? FindOutside(PageFacts facts) =>
            _scan.Slice is { } slice && !slice.Meets(facts.TraceIds) ? TraceSlice.Outside : null;

        // Marks the parts that have nothing to count there; why, if no part is left.
        private string? Exclude(ISpanFacts facts)
        {
            string? why = null;
            var isWanted = false;
            for (var leaf = 0; leaf < _isExcluded.Length; leaf++)
            {
                if (!_isExcluded[leaf] && Leaves[leaf].FindExcluding(facts) is { } reason) (why, _isExcluded[leaf]) = (why ?? reason, true);
                isWanted |= !_isExcluded[leaf];
            }

            return isWanted ? null : why;
        }

        // Bits of the rows that are copies of others; null: none.
        private void ScanBatch(QueryBlock? block, SpanBatch batch, int spanCount, ulong[]? copies)
        {
            bool[]? isOutside = null;
            if (_scan.Slice is { } slice)
            {
                isOutside = slice.MarkOutside(batch, out var hasAny);
                if (!hasAny)
                {
                    _scan._counts?.CountSkippedPage(TraceSlice.Outside);
                    return;
                }
            }

            if (block is not null) InspectedSpans += (ulong)spanCount;

            // Neither is counted where it is found; but of those outside, whole traces are not looked at either.
            var isLeftOut = _scan._shared.MarksCountedElsewhere(batch, block, isOutside);
            bool[]? isShared = null;
            bool[]? isFound = null;
            var found = false;
            for (var i = 0; i < Leaves.Count; i++)
            {
                if (_isExcluded[i]) continue;
                var leaf = Leaves[i];
                if (leaf.IsByTrace)
                {
                    FindCandidates(leaf, batch, spanCount, isOutside, isFound ??= new bool[batch.TraceCount]);
                }
                else if (!leaf.NeedsTraces)
                {
                    leaf.TryAddRows(batch, spanCount, isLeftOut, copies, ref found);
                }
                else
                {
                    var isKnown = leaf.IsKnownBy(block, batch);
                    if (isKnown) isShared ??= _scan._shared.MarksShared(batch, isOutside);
                    var isElsewhere = MarkElsewhere(isKnown ? block : null, batch, isShared);
                    if (isKnown && !leaf.TryAddRows(batch, spanCount, isElsewhere, copies, ref found))
                        isElsewhere = MarkElsewhere(null, batch, isShared);
                    Note(Noted[i], leaf, batch, spanCount, isElsewhere, isOutside, isFound ??= new bool[batch.TraceCount]);
                }
            }

            _scan._counts?.CountPage(isEmpty: !found && isFound?.AsSpan().Contains(true) != true);
            for (var trace = 0; trace < isFound?.Length; trace++)
            {
                if (!isFound[trace] || !Overlaps(batch, trace)) continue;
                _scan._plan.Options.Budget.Charge(WholeTraces.EntryBytes, "trace ids");
                Candidates.Add((SharedTraces.PlaceOf(block), batch.TraceIds[trace]));
            }
        }

        // Traces whose facts the page does not know: of live batches and of blocks of others all, else those with parts elsewhere.
        private bool[] MarkElsewhere(QueryBlock? block, SpanBatch batch, bool[]? isShared)
        {
            var count = batch.TraceCount; // of a live batch more and more
            GrowableArray.Reserve(ref _isElsewhere, count);
            for (var trace = 0; trace < count; trace++)
                _isElsewhere[trace] =
                    block is null || isShared is not null && isShared[trace] || _places.MayLieElsewhere(block, batch.TraceIds[trace]);
            return _isElsewhere;
        }

        private static void FindCandidates(LeafWorker leaf, SpanBatch batch, int spanCount, bool[]? isOutside, bool[] isFound)
        {
            leaf.FindCandidates(batch, spanCount, isFound);
            for (var trace = 0; trace < Math.Min(isFound.Length, isOutside?.Length ?? 0); trace++) isFound[trace] &= !isOutside![trace];
        }

        private static void Note(
            HashSet<TraceId> noted, LeafWorker leaf, SpanBatch batch, int spanCount, bool[] isElsewhere, bool[]? isOutside, bool[] isFound)
        {
            // There may be more traces by now than were marked, of which nothing is read.
            if (!isElsewhere.AsSpan(0, Math.Min(batch.TraceCount, isElsewhere.Length)).Contains(true)) return;
            var may = new bool[batch.TraceCount];
            FindCandidates(leaf, batch, spanCount, isOutside, may);
            for (var trace = 0; trace < may.Length; trace++)
            {
                if (!may[trace] || !isElsewhere[trace]) continue;
                isFound[trace] = true;
                noted.Add(batch.TraceIds[trace]);
            }
        }

        // A live batch does not say when its traces begin and end.
        private bool Overlaps(SpanBatch batch, int trace) =>
            batch.TraceStart.Length == 0 || _scan.Axis.Overlaps(batch.TraceStart[trace], batch.TraceEnd[trace]);
    }
}
