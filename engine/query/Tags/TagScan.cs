using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Walks live batches, and pages of blocks, and hands the rows that are asked for to a visitor: those in the range of time
/// that the filter leaves over, but for hidden traces. A damaged part is left out and reported.
/// </summary>
internal sealed class TagScan(TraceSources sources, TagFilter filter, long startSeconds, long endSeconds, IWorkerSlots slots)
{
    private const ulong SecondNano = 1_000_000_000;

    /// <summary>Spans that are looked at in blocks when nothing is filtered, and catalogs alone were not enough.</summary>
    private const long MaxUnfilteredSpans = 2_000_000;

    private long _scannedSpans;

    /// <summary>Bytes that were read, by the rows' share of each column chunk.</summary>
    public ulong InspectedBytes { get; private set; }

    /// <summary>Where it looks.</summary>
    public QueryBlocks Blocks { get; } = QueryBlocks.Of(sources, startSeconds, endSeconds);

    /// <summary>Visits the live batches; a visitor that answers false ends it.</summary>
    public void Live(Func<SpanBatch, List<Range>, bool> visit, CancellationToken cancellation)
    {
        foreach (var (batch, spanCount) in sources.Live.Select(static view => (view.Columns, view.SpanCount)))
        {
            slots.Yield(cancellation);
            var rows = Rows(batch, spanCount, isOfBlock: false);
            if (rows.Count > 0 && !visit(batch, rows)) return;
        }
    }

    /// <summary>
    /// Visits the pages of a block, which bring in their columns when they are asked for; a visitor that answers false ends it.
    /// </summary>
    public async ValueTask BlockAsync(
        QueryBlock asked, Func<BlockSidecar, int, bool> mayContain, Func<SpanBatch, List<Range>, bool> visit,
        CancellationToken cancellation)
    {
        var (batch, memory, ahead) = (ScratchPools.Pages.Take(), ReadMemory.Rent(), new ReadAhead());
        try
        {
            if (await asked.TryOpenAsync(cancellation).ConfigureAwait(false) is not { } block) return;
            for (var group = 0; group < block.RowGroupCount; group++)
                if (mayContain(block.Sidecar, group) && !Scan(block.OpenRowGroup(group, memory, ahead), batch, visit, cancellation))
                    return;
        }
        catch (BlockReadException e)
        {
            Blocks.Report(asked.Meta, e);
        }
        finally
        {
            ScratchPools.Pages.Return(batch);
            memory.Return();
        }
    }

    private bool Scan(RowGroupReader rows, SpanBatch batch, Func<SpanBatch, List<Range>, bool> visit, CancellationToken cancellation)
    {
        if (filter.Excludes(rows.Facts)) return true;
        try
        {
            foreach (var (start, count) in rows.ScanRanges())
            {
                slots.Yield(cancellation);
                if (filter.MatchesAll && _scannedSpans > MaxUnfilteredSpans) return false;
                if (Excludes(rows.FactsOf(start, count))) continue;
                rows.Approach(start, count, isScan: true);
                rows.OpenInto(batch, start, count);
                _scannedSpans += batch.SpanCount;
                var wanted = Rows(batch, batch.SpanCount, isOfBlock: true);
                if (wanted.Count > 0 && !visit(batch, wanted)) return false;
            }

            return true;
        }
        finally
        {
            InspectedBytes += (ulong)rows.ReadBytes;
        }
    }

    private bool Excludes(PageFacts facts)
    {
        var times = facts.TraceTimes;
        return !IsInTime(times.MinStartUnixNano, times.MaxEndUnixNano) || filter.Excludes(facts);
    }

    // Of a block a trace is in the range or not, as a search has it; of live data, where traces are in parts, each span is.
    private List<Range> Rows(SpanBatch batch, int spanCount, bool isOfBlock)
    {
        if (filter.MatchesAll && startSeconds == 0 && endSeconds == 0 && sources.Hidden.Count == 0) return OwnerRanges.OfAll(spanCount);
        var rows = new List<Range>();
        if (filter.MatchesAll)
        {
            for (var row = 0; row < spanCount; row++)
                if (IsShown(batch, row, isOfBlock))
                    OwnerRanges.Append(rows, row);
        }
        else
        {
            foreach (var row in filter.Select(batch, spanCount))
                if (IsShown(batch, row, isOfBlock))
                    OwnerRanges.Append(rows, row);
        }

        return rows;
    }

    private bool IsShown(SpanBatch batch, int row, bool isOfBlock) =>
        IsInTime(batch, row, isOfBlock) && (sources.Hidden.Count == 0 || !sources.Hidden.Contains(batch.TraceIds[batch.Trace[row]]));

    private bool IsInTime(SpanBatch batch, int row, bool isOfBlock) => isOfBlock
        ? IsInTime(batch.TraceStart[batch.Trace[row]], batch.TraceEnd[batch.Trace[row]])
        : IsInTime(batch.StartUnixNano[row], batch.StartUnixNano[row] + batch.DurationNano[row]);

    private bool IsInTime(ulong startUnixNano, ulong endUnixNano) =>
        (endSeconds == 0 || startUnixNano <= (ulong)endSeconds * SecondNano)
            && (startSeconds == 0 || endUnixNano >= (ulong)startSeconds * SecondNano);
}
