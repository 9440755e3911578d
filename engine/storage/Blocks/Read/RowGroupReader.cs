using System.Runtime.InteropServices;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Reads rows (traces) of one row group into a <see cref="SpanBatch"/>. Keeps the column readers with their page lists and
/// dictionaries, so that reading on is cheap. Not thread safe. What cannot be read is a <see cref="BlockReadException"/>.
/// </summary>
public sealed partial class RowGroupReader
{
    private const string Resource = "rs.Resource.";
    private const string Scope = "rs.ss.Scope.";
    private const string Span = "rs.ss.Spans.";
    private const string Event = "rs.ss.Spans.Events.";
    private const string Link = "rs.ss.Spans.Links.";

    /// <summary>
    /// Compressed bytes that a scan range may have, of all columns together. Ours have a few; Tempo's pages end at other rows in
    /// each column, and a whole row group of it may have 100 MB, so those are cut: some pages are then unpacked twice.
    /// </summary>
    private const long MaxRangeBytes = 8 << 20;

    private readonly DedicatedColumns _dedicated;
    private readonly BlockVersion _version;
    private readonly RowGroupColumns _columns;
    private readonly long _bytesPerRow;
    private readonly Action<Exception>? _onDamage;
    private readonly ReadMemory _memory;
    private int _dedicatedRead;
    private PageFacts? _pageFacts;

    internal RowGroupReader(
        ParquetFileReader file, int rowGroup, BlockColumnMap map, BlockVersion version, DedicatedColumns dedicated, ReadMemory memory,
        BlockReader block, Action<Exception>? onDamage, ReadAhead? ahead = null)
    {
        _memory = memory;
        _columns = new RowGroupColumns(file, rowGroup, map, memory, block) { Ahead = ahead };
        Block = block;
        Number = rowGroup;
        _version = version;
        _onDamage = onDamage;
        _dedicated = dedicated;
        RowCount = file.RowGroups[rowGroup].RowCount;
        _bytesPerRow = file.RowGroups[rowGroup].Columns.Sum(static column => column.CompressedSizeBytes) / Math.Max(1, RowCount) + 1;
    }

    public long RowCount { get; }

    /// <summary>The columns themselves, at the rows that were read last.</summary>
    internal RowGroupColumns Columns => _columns;

    /// <summary>Which of the block's row groups it is.</summary>
    internal int Number { get; }

    /// <summary>What is known of the block without reading it.</summary>
    internal BlockSidecar Sidecar { get; init; } = BlockSidecar.None;

    /// <summary>The block it is of.</summary>
    internal BlockReader Block { get; }

    /// <summary>
    /// The row ranges in which the group is best scanned: its pages, if they end at the same rows in all columns (as ours do);
    /// else, and where a page is very large, parts of some megabytes.
    /// </summary>
    public IReadOnlyList<(long Start, int Count)> ScanRanges()
    {
        // What says where the pages are, and what is on them, of all columns.
        if (_columns.Ahead is not null) _columns.PrefetchIndexes(byBounds: true);
        return Block.ScanRangesOf(Number) ?? BlockReadException.Guard(this, static rows => rows.FindScanRanges(), _onDamage);
    }

    /// <summary>
    /// The rows are read next, and if <paramref name="isScan"/> those behind them after that: of a far block the columns that were read of
    /// other rows (<see cref="ReadAhead"/>) come near in one round trip. The first one that was not read of any brings all others with it:
    /// another one.
    /// </summary>
    public void Approach(long rowStart, int rowCount, bool isScan) => _columns.PrefetchLike(rowStart, rowCount, isScan);

    /// <summary>
    /// Row of the trace, or -1. The bounds of the TraceID pages (rows ascend) lead to the one page that may hold it.
    /// </summary>
    public long FindRow(TraceId id) =>
        BlockReadException.Guard((Rows: this, Id: id), static find => find.Rows.SearchRow(find.Id), _onDamage);

    /// <summary>Does the row hold the trace?</summary>
    public bool HasTrace(long row, TraceId id) => BlockReadException.Guard((Rows: this, Row: row, Id: id), static find =>
    {
        var columns = find.Rows._columns;
        columns.PrefetchIndexes();
        columns.Reader("TraceID").Read(find.Row, 1, columns.Data);
        Span<byte> wanted = stackalloc byte[TraceId.SizeBytes];
        find.Id.Write(wanted);
        return columns.Data.Table[columns.Data.Codes[0]].SequenceEqual(wanted);
    }, _onDamage);

    /// <summary>Reads <paramref name="rowCount"/> traces from <paramref name="rowStart"/>.</summary>
    public SpanBatch Read(long rowStart, int rowCount, BatchColumns columns)
    {
        var batch = new SpanBatch();
        ReadInto(batch, rowStart, rowCount, columns);
        return batch;
    }

    /// <summary>
    /// The same into a batch that nobody reads any more, with its memory; always with the same columns. After an exception it
    /// holds nothing that makes sense, and may be filled again.
    /// </summary>
    public void ReadInto(SpanBatch batch, long rowStart, int rowCount, BatchColumns columns)
    {
        _columns.Select(rowStart, rowCount);
        BlockReadException.Guard(
            (Rows: this, Batch: batch, Columns: columns), static read => read.Rows.ReadBatch(read.Batch, read.Columns), _onDamage);
    }

    /// <summary>
    /// Reads one trace; false, with nothing but its tree in the batch, if it has more spans than <paramref name="maxSpans"/>.
    /// </summary>
    public bool TryReadInto(SpanBatch batch, long row, BatchColumns columns, int maxSpans) => TryReadInto(batch, row, 1, columns, maxSpans);

    /// <summary>The same of some traces, which have no more spans together.</summary>
    internal bool TryReadInto(SpanBatch batch, long rowStart, int rowCount, BatchColumns columns, int maxSpans)
    {
        _columns.Select(rowStart, rowCount);
        BlockReadException.Guard((Rows: this, Batch: batch, Columns: columns, Max: maxSpans),
            static read => read.Rows.ReadBatch(read.Batch, read.Columns, read.Max), _onDamage);
        return batch.SpanCount <= maxSpans;
    }

    /// <summary>Spans, as the footer has them.</summary>
    internal long SpanCount
    {
        get
        {
            var chunk = _columns.Reader(Span + "SpanID").Chunk;
            return chunk.ValueCount - Math.Max(0, chunk.Statistics?.NullCount ?? 0);
        }
    }

    /// <summary>The readers of all leaves, in schema order: those that read the rows, as far as they were read.</summary>
    internal IReadOnlyList<ColumnReader> Leaves(ParquetSchema schema) =>
        BlockReadException.Guard((Rows: this, Schema: schema), static all =>
            all.Schema.Columns.Select(column => all.Rows._columns.Reader(all.Rows._version.LogicalPath(column))).ToArray(), _onDamage);

    /// <summary>What the rows that were read last lie in.</summary>
    internal ColumnData Memory => _columns.Data;

    /// <summary>The row behind each page; empty if the columns have different pages.</summary>
    internal IReadOnlyList<long> PageEnds() => BlockReadException.Guard(this, static rows =>
    {
        var (ids, spans) = (rows._columns.Reader("TraceID"), rows._columns.Reader(Span + "StatusCode"));
        if (ids.PageCount != spans.PageCount) return [];
        var ends = new long[ids.PageCount];
        for (var page = 0; page < ends.Length; page++)
        {
            var (first, count) = ids.GetPageRows(page);
            if ((first, count) != spans.GetPageRows(page)) return [];
            ends[page] = first + count;
        }

        return ends;
    }, _onDamage);

    private List<(long Start, int Count)> FindScanRanges()
    {
        var pages = _columns.Reader("TraceID");
        var areAligned = pages.PageCount == _columns.Reader(Span + "StatusCode").PageCount;
        var mostRows = (int)Math.Clamp(MaxRangeBytes / _bytesPerRow, 1, int.MaxValue);
        var ranges = new List<(long Start, int Count)>();
        for (var page = 0; page < (areAligned ? pages.PageCount : 1); page++)
        {
            var (start, rows) = areAligned ? pages.GetPageRows(page) : (0, checked((int)RowCount));
            for (var done = 0; done < rows; done += mostRows) ranges.Add((start + done, Math.Min(mostRows, rows - done)));
        }

        Block.KeepScanRanges(Number, ranges);
        return ranges;
    }

    /// <summary>Adds the ids of all traces, ascending.</summary>
    public void ReadTraceIds(List<TraceId> ids) => BlockReadException.Guard((Rows: this, Ids: ids), static read =>
    {
        var (columns, found) = (read.Rows._columns, read.Ids);
        foreach (var (start, count) in read.Rows.ScanRanges())
        {
            columns.Select(start, count);
            columns.Load("TraceID");
            for (var i = 0; i < count; i++)
            {
                var id = columns.Data.Table[columns.Data.Codes[i]];
                if (id.Length != TraceId.SizeBytes)
                    throw new ParquetFormatException($"column 'TraceID': row {start + i} has an id of {id.Length} bytes; 16 belong");
                found.Add(TraceId.Read(id));
            }
        }

        return found.Count;
    });

    private long SearchRow(TraceId id)
    {
        var data = _columns.Data;
        _columns.PrefetchIndexes();
        var reader = _columns.Reader("TraceID");
        Span<byte> wanted = stackalloc byte[TraceId.SizeBytes];
        id.Write(wanted);
        var index = reader.ReadColumnIndex();
        if (index is not null && !IsAscending(index)) index = null;
        for (var page = 0; page < reader.PageCount; page++)
        {
            if (index is not null && (wanted.SequenceCompareTo(index.MinValues[page]) < 0
                || wanted.SequenceCompareTo(index.MaxValues[page]) > 0))
                continue;
            var (first, count) = reader.GetPageRows(page);
            reader.Read(first, count, data);
            for (var i = 0; i < count; i++)
                if (data.Table[data.Codes[i]].SequenceEqual(wanted))
                    return first + i;
        }

        return -1;
    }

    // No checksum covers the index: bounds that cannot be those of ascending rows are not used.
    private static bool IsAscending(ColumnIndex index)
    {
        for (var page = 0; page < index.PageCount; page++)
        {
            var min = index.MinValues[page].AsSpan();
            if (index.NullPages[page] || min.SequenceCompareTo(index.MaxValues[page]) > 0) return false;
            if (page > 0 && min.SequenceCompareTo(index.MaxValues[page - 1]) <= 0) return false;
        }

        return true;
    }

    private SpanBatch ReadBatch(SpanBatch batch, BatchColumns columns, int maxSpans = int.MaxValue)
    {
        // Who wants a part gets the whole here, but for the names of services; OpenInto is for those who count every column.
        if ((columns & BatchColumns.ScopeNames) != 0) columns |= BatchColumns.Scopes;
        if ((columns & BatchColumns.EventRows) != 0) columns |= BatchColumns.Events;
        if ((columns & BatchColumns.LinkRows) != 0) columns |= BatchColumns.Links;
        if (columns == BatchColumns.All) _columns.PrefetchAll();
        batch.Clear();
        (batch.Loader as LazyColumns)?.Release(batch); // what was lent is not written to
        batch.Loader = null;
        _dedicatedRead = 0;
        ReadTraces(batch);
        ReadStructure(batch);
        if (batch.SpanCount > maxSpans) return batch;
        if (columns.HasFlag(BatchColumns.SpanIds)) ReadSpanIds(batch);
        if (columns.HasFlag(BatchColumns.Starts)) ReadStarts(batch);
        if (columns.HasFlag(BatchColumns.Durations)) ReadDurations(batch);
        if (columns.HasFlag(BatchColumns.Kind)) ReadKinds(batch);
        if (columns.HasFlag(BatchColumns.Name)) _columns.Text(Span + "Name", batch.Name, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.StatusMessage)) _columns.Text(Span + "StatusMessage", batch.StatusMessage, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.TraceState)) _columns.Text(Span + "TraceState", batch.TraceState, batch.SpanCount);
        ReadSpanAttributes(batch, columns);
        if (columns.HasFlag(BatchColumns.Resources)) ReadResources(batch);
        else if (columns.HasFlag(BatchColumns.ResourceServiceNames)) ReadServiceNames(batch);
        if (columns.HasFlag(BatchColumns.Scopes)) ReadScopes(batch);
        if (!VParquet3Values.TryReadEventsAndLinks(_columns, batch, columns))
        {
            ReadEvents(batch, columns.HasFlag(BatchColumns.Events) && !_columns.IsWithoutValues(Event + "TimeSinceStartNano"));
            ReadLinks(batch, columns.HasFlag(BatchColumns.Links) && !_columns.IsWithoutValues(Link + "TraceID"));
        }

        if (columns.HasFlag(BatchColumns.Dropped)) ReadDropped(batch, columns);
        batch.Dedicated.RemoveRange(_dedicatedRead, batch.Dedicated.Count - _dedicatedRead);
        batch.Publish();
        return batch;
    }

    private void ReadTraces(SpanBatch batch)
    {
        _columns.Load("TraceID");
        var data = _columns.Data;
        batch.TraceCount = _columns.RowCount;
        var ids = ColumnMemory.Take(ref batch.TraceIds, _columns.RowCount);
        for (var i = 0; i < _columns.RowCount; i++)
        {
            var id = data.Table[data.Codes[i]];
            if (id.Length != TraceId.SizeBytes)
                throw new ParquetFormatException(
                    $"column 'TraceID': row {_columns.RowStart + i} has an id of {id.Length} bytes; 16 belong");
            ids[i] = TraceId.Read(id);
        }

        _columns.Unsigned("StartTimeUnixNano", _columns.RowCount, ref batch.TraceStart);
        _columns.Unsigned("EndTimeUnixNano", _columns.RowCount, ref batch.TraceEnd);
    }

    // Repetition 0 begins a trace, 1 a resource, 2 a scope, 3 a span; definition 3 says that there is a span.
    private void ReadStructure(SpanBatch batch)
    {
        _columns.Load(Span + "StatusCode");
        var data = _columns.Data;
        var spans = data.ValueCount;
        batch.SpanCount = spans;
        var traces = ColumnMemory.Take(ref batch.Trace, spans);
        var resources = ColumnMemory.Take(ref batch.Resource, spans);
        var scopes = ColumnMemory.Take(ref batch.Scope, spans);
        var repetition = data.RepetitionLevels.AsSpan(0, data.LevelCount);
        var definition = data.DefinitionLevels.AsSpan(0, data.LevelCount);
        // Mostly every entry is a span.
        (batch.Resources.Count, batch.Scopes.Count) = definition.ContainsAnyExcept((byte)3)
            ? FindOwners(repetition, definition, traces, resources, scopes)
            : FindOwners(repetition, traces, resources, scopes);
        var codes = data.Int64s.AsSpan(0, spans);
        var status = ColumnMemory.Take(ref batch.Status, spans);
        // A block does not say whether the sender sent a Status message; like Tempo we answer one.
        for (var i = 0; i < status.Length; i++) status[i] = (byte)((byte)codes[i] & SpanBatch.StatusCodeMask | SpanBatch.StatusSent);
    }

    private static (int Resources, int Scopes) FindOwners(
        ReadOnlySpan<byte> repetition, Span<int> traces, Span<int> resources, Span<int> scopes)
    {
        if (repetition.Length == 0) return (0, 0);
        if (repetition[0] != 0) throw new ParquetFormatException($"column '{Span}StatusCode': a span before the first scope");
        SpanOwners.Number(repetition, traces, resources, scopes);
        return (resources[repetition.Length - 1] + 1, scopes[repetition.Length - 1] + 1);
    }

    private static (int Resources, int Scopes) FindOwners(
        ReadOnlySpan<byte> repetition, ReadOnlySpan<byte> definition, Span<int> traces, Span<int> resources, Span<int> scopes)
    {
        int trace = -1, resource = -1, scope = -1, span = 0;
        for (var i = 0; i < repetition.Length; i++)
        {
            if (repetition[i] == 0) trace++;
            if (repetition[i] <= 1 && definition[i] >= 1) resource++;
            if (repetition[i] <= 2 && definition[i] >= 2) scope++;
            if (definition[i] < 3) continue;
            if (scope < 0) throw new ParquetFormatException($"column '{Span}StatusCode': a span before the first scope");
            (traces[span], resources[span], scopes[span]) = (trace, resource, scope);
            span++;
        }

        return (resource + 1, scope + 1);
    }

    private void ReadSpanIds(SpanBatch batch)
    {
        _columns.Ids(Span + "SpanID", batch.SpanCount, ref batch.SpanId);
        _columns.Ids(Span + "ParentSpanID", batch.SpanCount, ref batch.ParentSpanId);
    }

    private void ReadKinds(SpanBatch batch)
    {
        var values = _columns.Longs(Span + "Kind", batch.SpanCount);
        var kinds = ColumnMemory.Take(ref batch.Kind, values.Length);
        for (var i = 0; i < kinds.Length; i++) kinds[i] = (byte)values[i];
    }

    private void ReadStarts(SpanBatch batch) => _columns.Unsigned(Span + "StartTimeUnixNano", batch.SpanCount, ref batch.StartUnixNano);

    private void ReadDurations(SpanBatch batch) => _columns.Unsigned(Span + "DurationNano", batch.SpanCount, ref batch.DurationNano);

    private void ReadSpanAttributes(SpanBatch batch, BatchColumns columns)
    {
        if (!columns.HasFlag(BatchColumns.SpanAttributes))
        {
            ColumnMemory.TakeZeroed(ref batch.AttributeStart, batch.SpanCount + 1);
            return;
        }

        ReadAttributes(Span, batch.SpanAttributes, batch.SpanCount, ref batch.AttributeStart);
        ReadDedicated(batch, AttributeScope.Span, Span, batch.SpanCount);
    }

    // Where the column says nothing the name may stand among the attributes, as something else than a text.
    private void ReadServiceNames(SpanBatch batch)
    {
        var r = batch.Resources;
        ReadServiceNames(r);
        if (r.HasServiceName.AsSpan(0, r.Count).Contains((byte)0))
        {
            ReadResources(batch);
            return;
        }

        ColumnMemory.TakeZeroed(ref r.AttributeStart, r.Count + 1);
        r.Attributes.Count = 0;
    }

    private void ReadResources(SpanBatch batch)
    {
        var r = batch.Resources;
        ReadServiceNames(r);
        ReadAttributes(Resource, r.Attributes, r.Count, ref r.AttributeStart);
        _columns.CountsOrNone(Resource + "DroppedAttributesCount", r.Count, ref r.DroppedAttributes);
        VParquet3Values.UncountDropped(_columns, Resource, r.Attributes, r.AttributeStart, r.DroppedAttributes.AsSpan(0, r.Count));
        ReadDedicated(batch, AttributeScope.Resource, Resource, r.Count);
    }

    private void ReadServiceNames(ResourceColumns resources)
    {
        _columns.Text(Resource + "ServiceName", resources.ServiceName, resources.Count);
        var hasServiceName = ColumnMemory.Take(ref resources.HasServiceName, resources.Count);
        for (var i = 0; i < resources.Count; i++) hasServiceName[i] = resources.ServiceName[i].IsEmpty ? (byte)0 : (byte)1;
    }

    private void ReadScopeNames(ScopeColumns scopes)
    {
        _columns.Text(Scope + "Name", scopes.Name, scopes.Count);
        _columns.Text(Scope + "Version", scopes.Version, scopes.Count);
    }

    private void ReadScopes(SpanBatch batch)
    {
        var s = batch.Scopes;
        ReadScopeNames(s);
        ReadAttributes(Scope, s.Attributes, s.Count, ref s.AttributeStart);
        _columns.CountsOrNone(Scope + "DroppedAttributesCount", s.Count, ref s.DroppedAttributes);
    }

    private void ReadEvents(SpanBatch batch, bool wanted)
    {
        var events = batch.Events;
        if (!wanted)
        {
            ColumnMemory.TakeZeroed(ref batch.EventStart, batch.SpanCount + 1);
            ColumnMemory.TakeZeroed(ref events.AttributeStart, 1);
            return;
        }

        ReadEventRows(batch);
        ReadAttributes(Event, events.Attributes, events.Count, ref events.AttributeStart);
        _columns.Counts(Event + "DroppedAttributesCount", events.Count, ref events.DroppedAttributes);
        ReadDedicated(batch, AttributeScope.Event, Event, events.Count);
    }

    private void ReadEventRows(SpanBatch batch)
    {
        var events = batch.Events;
        _columns.Load(Event + "TimeSinceStartNano");
        _columns.Starts(Event + "TimeSinceStartNano", batch.SpanCount, ref batch.EventStart);
        events.Count = _columns.Data.ValueCount;
        CopyUnsigned(_columns.Data.Int64s.AsSpan(0, events.Count), ref events.TimeSinceStartNano);
        _columns.Text(Event + "Name", events.Name, events.Count);
    }

    private void ReadLinks(SpanBatch batch, bool wanted)
    {
        var links = batch.Links;
        if (!wanted)
        {
            ColumnMemory.TakeZeroed(ref batch.LinkStart, batch.SpanCount + 1);
            ColumnMemory.TakeZeroed(ref links.AttributeStart, 1);
            return;
        }

        ReadLinkRows(batch);
        ReadAttributes(Link, links.Attributes, links.Count, ref links.AttributeStart);
        _columns.Counts(Link + "DroppedAttributesCount", links.Count, ref links.DroppedAttributes);
    }

    private void ReadLinkRows(SpanBatch batch)
    {
        var links = batch.Links;
        _columns.Load(Link + "TraceID");
        var data = _columns.Data;
        _columns.Starts(Link + "TraceID", batch.SpanCount, ref batch.LinkStart);
        links.Count = data.ValueCount;
        var traceIds = ColumnMemory.Take(ref links.TraceId, links.Count);
        for (var i = 0; i < links.Count; i++)
            traceIds[i] = data.Table[data.Codes[i]] is { Length: TraceId.SizeBytes } id ? TraceId.Read(id) : default;
        _columns.Ids(Link + "SpanID", links.Count, ref links.SpanId);
        _columns.Text(Link + "TraceState", links.TraceState, links.Count);
        ColumnMemory.TakeZeroed(ref links.Flags, links.Count);
    }

    private void ReadDropped(SpanBatch batch, BatchColumns columns)
    {
        _columns.Counts(Span + "DroppedAttributesCount", batch.SpanCount, ref batch.DroppedAttributes);
        if (columns.HasFlag(BatchColumns.SpanAttributes))
            VParquet3Values.UncountDropped(
                _columns, Span, batch.SpanAttributes, batch.AttributeStart, batch.DroppedAttributes.AsSpan(0, batch.SpanCount));
        _columns.Counts(Span + "DroppedEventsCount", batch.SpanCount, ref batch.DroppedEvents);
        _columns.Counts(Span + "DroppedLinksCount", batch.SpanCount, ref batch.DroppedLinks);
        ColumnMemory.TakeZeroed(ref batch.Flags, batch.SpanCount);
    }

    private void ReadAttributes(string prefix, AttributeColumns attributes, int ownerCount, ref int[] starts) =>
        new AttributeGroupReader(_columns, prefix + "Attrs.", _memory).Read(attributes, ownerCount, ref starts);

    private static void CopyUnsigned(ReadOnlySpan<long> values, ref ulong[] target) =>
        ColumnMemory.Copy(MemoryMarshal.Cast<long, ulong>(values), ref target);
}
