using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// A found trace that is read while it is written, part by part: memory for one part and for the ids of all spans.
/// <code>
/// Open       finds the parts (live batches, rows of blocks) and reads their span ids and kinds; decides between copies (SpanIdTable)
/// WritePart  reads the next part whole, brings it in order as every trace is, leaves out what is decided to be left out
/// </code>
/// Parts come in the order in which they begin. So the answer is the same every time, but what a trace has of one resource stands
/// in as many places as there are parts, and is in order of time within each.
/// </summary>
internal sealed class StreamedTrace : FoundTrace
{
    private readonly QueryBlocks _blocks;
    private readonly TraceId _id;
    private readonly SpanIdTable _table = new();
    private readonly List<TracePart> _parts = [];
    private readonly OrderedTrace _ordered = ScratchPools.Orders.Take();
    private readonly TracePartReader _reader;
    private ulong _loadedBytes; // to filter and to prune
    private PartSpanIds? _ids;
    private TraceFilter? _filter;
    private PrunedSpans? _summaries;
    private bool _isWriting;
    private bool _isDisposed;
    private int _nextPart;
    private int _batch = -1;
    private int _nextSpan;

    private StreamedTrace(QueryBlocks blocks, TraceId id, int maxRowSpans)
    {
        (_blocks, _id) = (blocks, id);
        _reader = new TracePartReader(id, maxRowSpans);
    }

    public override int SpanCount => _table.Count - _table.LeftOutCount;

    public override ulong InspectedBytes => _loadedBytes + _reader.ReadBytes;

    public override string Damage => _blocks.Damage;

    public override bool IsAtEnd => SpanCount == 0 || (_nextPart == _parts.Count && _nextSpan == _ordered.SpanCount);

    /// <summary>Finds the parts. What a row has more than <paramref name="maxRowSpans"/> spans of is left out, and said to be.</summary>
    public static StreamedTrace Open(QueryBlocks blocks, TraceId id, int maxRowSpans, CancellationToken cancellation)
    {
        GarbageBudget.Collect();
        var trace = new StreamedTrace(blocks, id, maxRowSpans);
        try
        {
            trace.FindParts(cancellation);
            trace._table.Sort();
            if (trace._table.HasContested) trace.SettleCopies(cancellation);
            trace._parts.Sort(static (a, b) =>
                a.StartUnixNano != b.StartUnixNano ? a.StartUnixNano.CompareTo(b.StartUnixNano) : a.FirstSpan.CompareTo(b.FirstSpan));
            blocks.GoOnWithoutVanished();
            return trace;
        }
        catch
        {
            trace.Dispose();
            throw;
        }
    }

    public override bool Keep(TraceFilter filter)
    {
        _filter = filter;
        // Decided on the whole trace, of which only what the filter needs is brought in.
        var loader = new TraceLoader(_blocks, filter.Needs);
        var before = SpanCount;
        if (loader.Load(_id) is { } trace) _table.Keep(trace, filter.Apply(trace));
        _loadedBytes += loader.InspectedBytes;
        return SpanCount < before;
    }

    public override int Prune(SpanPruning pruning)
    {
        if (pruning.ComparesAttributes)
        {
            throw new QueryException(
                QueryErrorKind.TooLarge,
                $"span_pruning_group_by compares attributes of the whole trace, which has {SpanCount} spans; leave it out, or choose spans by q from a smaller trace");
        }

        var needs = pruning.Needs;
        if (_filter is not null) needs = needs with { Columns = needs.Columns | _filter.Needs.Columns, Fields = _filter.Needs.Fields };
        var loader = new TraceLoader(_blocks, needs);
        var before = SpanCount;
        if (loader.Load(_id) is { } trace)
        {
            _summaries = pruning.Apply(trace, _filter?.Apply(trace));
            _table.Keep(trace, _summaries.Kept);
        }

        _loadedBytes += loader.InspectedBytes;
        return before - SpanCount;
    }

    public override void WritePart(NativeBuffer output, int maxBytes)
    {
        if (!_isWriting) BeginWriting();
        if (_nextSpan == _ordered.SpanCount && !TryReadNextPart()) return;
        _nextSpan = OtlpTraceWriter.WritePart(_ordered, _nextSpan, maxBytes, null, _ids, output, _summaries);
        if (_nextSpan == _ordered.SpanCount) SkipEmptyParts();
    }

    public override void Dispose()
    {
        if (!_isDisposed)
        {
            _table.Dispose();
            _reader.Dispose();
            ScratchPools.Orders.Return(_ordered);
        }

        _isDisposed = true;
        base.Dispose();
    }

    private void BeginWriting()
    {
        _isWriting = true;
        if (_table.NewIdsOfServers() is { } newIds) _ids = new PartSpanIds(newIds);
        _table.Dispose();
        SkipEmptyParts();
    }

    private void FindParts(CancellationToken cancellation)
    {
        var memory = ReadMemory.Rent();
        foreach (var live in _blocks.Sources.Live) AddPart(new TracePart { Live = live });
        foreach (var asked in _blocks.All)
        {
            cancellation.ThrowIfCancellationRequested();
            if (asked.TryOpen() is not { } block || !block.MayContain(_id)) continue;
            try
            {
                var (group, row) = block.Find(_id, (of, number) => of.OpenRowGroup(number, memory));
                if (row >= 0) AddPart(new TracePart { Block = block, RowGroup = group, Row = row });
            }
            catch (BlockReadException e)
            {
                _blocks.Report(block.Meta, e);
            }
        }

        memory.Return();
    }

    private void AddPart(TracePart part)
    {
        var batch = _reader.Read(part, BatchColumns.SpanIds | BatchColumns.Kind);
        if (_reader.Rows.Count == 0) return;
        var start = ulong.MaxValue;
        if (part.Block is not null) start = batch.TraceStart[0];
        else foreach (var row in _reader.Rows) start = Math.Min(start, batch.StartUnixNano[row]);
        _parts.Add(part with { FirstSpan = _table.Count, StartUnixNano = start });
        _table.Add(batch, _reader.Rows);
    }

    private void SettleCopies(CancellationToken cancellation)
    {
        for (var i = 0; i < _parts.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = _parts[i];
            var count = (i + 1 < _parts.Count ? _parts[i + 1].FirstSpan : _table.Count) - part.FirstSpan;
            if (!_table.IsContested(part.FirstSpan, count)) continue;
            try
            {
                _table.AddTimes(part.FirstSpan, _reader.Read(part, BatchColumns.Times), _reader.Rows);
            }
            catch (BlockReadException e)
            {
                _blocks.Report(part.Block!.Meta, e);
                _table.AddNoTimes(part.FirstSpan, count);
            }
        }

        _table.SettleCopies();
    }

    private bool TryReadNextPart()
    {
        if (_nextPart == _parts.Count) return false;
        var part = _parts[_nextPart++];
        _nextSpan = 0;
        _ordered.Begin(_id);
        if (_batch >= 0) _ordered.Context.Release(_batch);
        try
        {
            var batch = _reader.Read(part, BatchColumns.All);
            _batch = _ordered.Context.Add(batch);
            for (var i = 0; i < _reader.Rows.Count; i++)
                if (!_table.IsLeftOut(part.FirstSpan + i))
                    _ordered.Add(new SpanRef(_batch, _reader.Rows[i]));
            _ordered.CompleteGroups();
        }
        catch (BlockReadException e)
        {
            // Spans that other parts hold copies of are missing, too; the answer says that something is.
            _blocks.Report(part.Block!.Meta, e);
        }

        return true;
    }

    // So that the end is known when the last span was written.
    private void SkipEmptyParts()
    {
        while (_nextSpan == _ordered.SpanCount && TryReadNextPart())
        {
        }
    }

    // As SharedSpanIds has it, by the ids alone.
    private sealed class PartSpanIds(Dictionary<ulong, ulong> newIds) : ISpanIds
    {
        private const byte ServerKind = 2;

        public (ulong Id, ulong Parent) Of(OrderedTrace trace, int i)
        {
            var (batch, row) = (trace.Batch(i), trace.Spans[i].Span);
            var (id, parent) = (batch.SpanId[row], batch.ParentSpanId[row]);
            var isServer = batch.Kind[row] == ServerKind;
            if (isServer && newIds.TryGetValue(id, out var own)) return (own, id);
            // A server's parent is the client's half, every other span's the server's.
            return (id, !isServer && newIds.TryGetValue(parent, out var server) ? server : parent);
        }
    }
}
