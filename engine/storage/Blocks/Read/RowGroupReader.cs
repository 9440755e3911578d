using System.Runtime.InteropServices;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Reads rows (traces) of one row group into a <see cref="SpanBatch"/>. Keeps the column readers with their page lists and
/// dictionaries, so that reading on is cheap. Not thread safe. What cannot be read is a <see cref="BlockReadException"/>.
/// </summary>
public sealed class RowGroupReader
{
    private const string Resource = "rs.Resource.";
    private const string Scope = "rs.ss.Scope.";
    private const string Span = "rs.ss.Spans.";
    private const string Event = "rs.ss.Spans.Events.";
    private const string Link = "rs.ss.Spans.Links.";
    private readonly DedicatedColumns _dedicated;
    private readonly RowGroupColumns _columns;

    internal RowGroupReader(ParquetFileReader file, int rowGroup, DedicatedColumns dedicated)
    {
        _columns = new RowGroupColumns(file, rowGroup);
        _dedicated = dedicated;
        RowCount = file.RowGroups[rowGroup].RowCount;
    }

    public long RowCount { get; }

    /// <summary>
    /// The row ranges in which the group is best scanned: its pages, if they end at the same rows in all columns (as ours do),
    /// else the whole group.
    /// </summary>
    public IReadOnlyList<(long Start, int Count)> ScanRanges() => BlockReadException.Guard(this, static rows =>
    {
        var pages = rows._columns.Reader("TraceID");
        if (pages.PageCount != rows._columns.Reader(Span + "StatusCode").PageCount) return [(0, checked((int)rows.RowCount))];
        var ranges = new (long Start, int Count)[pages.PageCount];
        for (var i = 0; i < ranges.Length; i++) ranges[i] = pages.GetPageRows(i);
        return ranges;
    });

    /// <summary>
    /// Row of the trace, or -1. The bounds of the TraceID pages (rows ascend) lead to the one page that may hold it.
    /// </summary>
    public long FindRow(TraceId id) => BlockReadException.Guard((Rows: this, Id: id), static find => find.Rows.SearchRow(find.Id));

    /// <summary>Reads <paramref name="rowCount"/> traces from <paramref name="rowStart"/>.</summary>
    public SpanBatch Read(long rowStart, int rowCount, BatchColumns columns)
    {
        _columns.Select(rowStart, rowCount);
        return BlockReadException.Guard((Rows: this, Columns: columns), static read => read.Rows.ReadBatch(read.Columns));
    }

    private long SearchRow(TraceId id)
    {
        var data = _columns.Data;
        var reader = _columns.Reader("TraceID");
        Span<byte> wanted = stackalloc byte[TraceId.SizeBytes];
        id.Write(wanted);
        var index = reader.ReadColumnIndex();
        if (index is not null && !IsAscending(index)) index = null;
        for (var page = 0; page < reader.PageCount; page++)
        {
            if (index is not null && (wanted.SequenceCompareTo(index.MinValues[page]) < 0 || wanted.SequenceCompareTo(index.MaxValues[page]) > 0)) continue;
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

    private SpanBatch ReadBatch(BatchColumns columns)
    {
        var batch = new SpanBatch();
        ReadTraces(batch);
        ReadStructure(batch);
        if (columns.HasFlag(BatchColumns.SpanIds)) ReadSpanIds(batch);
        if (columns.HasFlag(BatchColumns.Times)) ReadTimes(batch);
        if (columns.HasFlag(BatchColumns.Kind)) batch.Kind = Bytes(_columns.Longs(Span + "Kind", batch.SpanCount));
        if (columns.HasFlag(BatchColumns.Name)) _columns.Text(Span + "Name", batch.Name, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.StatusMessage)) _columns.Text(Span + "StatusMessage", batch.StatusMessage, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.TraceState)) _columns.Text(Span + "TraceState", batch.TraceState, batch.SpanCount);
        ReadSpanAttributes(batch, columns);
        if (columns.HasFlag(BatchColumns.Resources)) ReadResources(batch);
        if (columns.HasFlag(BatchColumns.Scopes)) ReadScopes(batch);
        ReadEvents(batch, columns.HasFlag(BatchColumns.Events));
        ReadLinks(batch, columns.HasFlag(BatchColumns.Links));
        if (columns.HasFlag(BatchColumns.Dropped)) ReadDropped(batch);
        batch.Publish();
        return batch;
    }

    private void ReadTraces(SpanBatch batch)
    {
        _columns.Load("TraceID");
        var data = _columns.Data;
        batch.TraceCount = _columns.RowCount;
        batch.TraceIds = new TraceId[_columns.RowCount];
        for (var i = 0; i < _columns.RowCount; i++)
        {
            var id = data.Table[data.Codes[i]];
            if (id.Length != TraceId.SizeBytes) throw new ParquetFormatException($"column 'TraceID': row {_columns.RowStart + i} has an id of {id.Length} bytes; 16 belong");
            batch.TraceIds[i] = TraceId.Read(id);
        }

        batch.TraceStart = Unsigned(_columns.Longs("StartTimeUnixNano", _columns.RowCount));
        batch.TraceEnd = Unsigned(_columns.Longs("EndTimeUnixNano", _columns.RowCount));
    }

    // Repetition 0 begins a trace, 1 a resource, 2 a scope, 3 a span; definition 3 says that there is a span.
    private void ReadStructure(SpanBatch batch)
    {
        _columns.Load(Span + "StatusCode");
        var data = _columns.Data;
        var spans = data.ValueCount;
        batch.SpanCount = spans;
        batch.Trace = new int[spans];
        batch.Resource = new int[spans];
        batch.Scope = new int[spans];
        batch.Status = new byte[spans];
        int trace = -1, resource = -1, scope = -1, span = 0;
        for (var i = 0; i < data.LevelCount; i++)
        {
            var repetition = data.RepetitionLevels[i];
            var definition = data.DefinitionLevels[i];
            if (repetition == 0) trace++;
            if (repetition <= 1 && definition >= 1) resource++;
            if (repetition <= 2 && definition >= 2) scope++;
            if (definition < 3) continue;
            if (scope < 0) throw new ParquetFormatException($"column '{Span}StatusCode': a span before the first scope");
            batch.Trace[span] = trace;
            batch.Resource[span] = resource;
            batch.Scope[span] = scope;
            // A block does not say whether the sender sent a Status message; like Tempo we answer one.
            batch.Status[span] = (byte)((byte)data.Int64s[span] & SpanBatch.StatusCodeMask | SpanBatch.StatusSent);
            span++;
        }

        batch.Resources.Count = resource + 1;
        batch.Scopes.Count = scope + 1;
    }

    private void ReadSpanIds(SpanBatch batch)
    {
        batch.SpanId = _columns.Ids(Span + "SpanID", batch.SpanCount);
        batch.ParentSpanId = _columns.Ids(Span + "ParentSpanID", batch.SpanCount);
    }

    private void ReadTimes(SpanBatch batch)
    {
        batch.StartUnixNano = Unsigned(_columns.Longs(Span + "StartTimeUnixNano", batch.SpanCount));
        batch.DurationNano = Unsigned(_columns.Longs(Span + "DurationNano", batch.SpanCount));
    }

    private void ReadSpanAttributes(SpanBatch batch, BatchColumns columns)
    {
        if (!columns.HasFlag(BatchColumns.SpanAttributes))
        {
            batch.AttributeStart = new int[batch.SpanCount + 1];
            return;
        }

        batch.AttributeStart = ReadAttributes(Span, batch.SpanAttributes, batch.SpanCount);
        ReadDedicated(batch, AttributeScope.Span, Span, batch.SpanCount);
    }

    private void ReadResources(SpanBatch batch)
    {
        var r = batch.Resources;
        _columns.Text(Resource + "ServiceName", r.ServiceName, r.Count);
        r.HasServiceName = new byte[r.Count];
        for (var i = 0; i < r.Count; i++) r.HasServiceName[i] = r.ServiceName[i].IsEmpty ? (byte)0 : (byte)1;
        r.AttributeStart = ReadAttributes(Resource, r.Attributes, r.Count);
        r.DroppedAttributes = _columns.Counts(Resource + "DroppedAttributesCount", r.Count);
        ReadDedicated(batch, AttributeScope.Resource, Resource, r.Count);
    }

    private void ReadScopes(SpanBatch batch)
    {
        var s = batch.Scopes;
        _columns.Text(Scope + "Name", s.Name, s.Count);
        _columns.Text(Scope + "Version", s.Version, s.Count);
        s.AttributeStart = ReadAttributes(Scope, s.Attributes, s.Count);
        s.DroppedAttributes = _columns.Counts(Scope + "DroppedAttributesCount", s.Count);
    }

    private void ReadEvents(SpanBatch batch, bool wanted)
    {
        var events = batch.Events;
        if (!wanted)
        {
            batch.EventStart = new int[batch.SpanCount + 1];
            events.AttributeStart = [0];
            return;
        }

        _columns.Load(Event + "TimeSinceStartNano");
        batch.EventStart = _columns.Starts(Event + "TimeSinceStartNano", batch.SpanCount);
        events.Count = _columns.Data.ValueCount;
        events.TimeSinceStartNano = Unsigned(_columns.Data.Int64s.AsSpan(0, events.Count));
        _columns.Text(Event + "Name", events.Name, events.Count);
        events.AttributeStart = ReadAttributes(Event, events.Attributes, events.Count);
        events.DroppedAttributes = _columns.Counts(Event + "DroppedAttributesCount", events.Count);
        ReadDedicated(batch, AttributeScope.Event, Event, events.Count);
    }

    private void ReadLinks(SpanBatch batch, bool wanted)
    {
        var links = batch.Links;
        if (!wanted)
        {
            batch.LinkStart = new int[batch.SpanCount + 1];
            links.AttributeStart = [0];
            return;
        }

        _columns.Load(Link + "TraceID");
        var data = _columns.Data;
        batch.LinkStart = _columns.Starts(Link + "TraceID", batch.SpanCount);
        links.Count = data.ValueCount;
        links.TraceId = new TraceId[links.Count];
        for (var i = 0; i < links.Count; i++)
            if (data.Table[data.Codes[i]] is { Length: TraceId.SizeBytes } id)
                links.TraceId[i] = TraceId.Read(id);
        links.SpanId = _columns.Ids(Link + "SpanID", links.Count);
        _columns.Text(Link + "TraceState", links.TraceState, links.Count);
        links.Flags = new uint[links.Count];
        links.AttributeStart = ReadAttributes(Link, links.Attributes, links.Count);
        links.DroppedAttributes = _columns.Counts(Link + "DroppedAttributesCount", links.Count);
    }

    private void ReadDropped(SpanBatch batch)
    {
        batch.DroppedAttributes = _columns.Counts(Span + "DroppedAttributesCount", batch.SpanCount);
        batch.DroppedEvents = _columns.Counts(Span + "DroppedEventsCount", batch.SpanCount);
        batch.DroppedLinks = _columns.Counts(Span + "DroppedLinksCount", batch.SpanCount);
        batch.Flags = new uint[batch.SpanCount];
    }

    private int[] ReadAttributes(string prefix, AttributeColumns attributes, int ownerCount)
    {
        var reader = new AttributeGroupReader(_columns, prefix + "Attrs.");
        return reader.Read(attributes, ownerCount);
    }

    private void ReadDedicated(SpanBatch batch, AttributeScope scope, string prefix, int ownerCount)
    {
        foreach (var (spec, field) in _dedicated.Of(scope))
        {
            var path = $"{prefix}DedicatedAttributes.{field}";
            _columns.Load(path);
            var data = _columns.Data;
            var starts = _columns.Starts(path, ownerCount);
            var bits = new long[data.ValueCount];
            var isText = spec.Type == AttributeType.String;
            for (var i = 0; i < bits.Length; i++) bits[i] = isText ? data.Codes[i] : data.Int64s[i];
            batch.Dedicated.Add(new DedicatedColumn
            {
                Scope = scope,
                Key = Encoding.UTF8.GetBytes(spec.Name),
                Type = spec.Type,
                Start = starts,
                Bits = bits,
                Values = isText ? _columns.Table(path) : new StringTable([], [0, 0], 1),
            });
        }
    }

    private static ulong[] Unsigned(ReadOnlySpan<long> values) => MemoryMarshal.Cast<long, ulong>(values).ToArray();

    private static byte[] Bytes(ReadOnlySpan<long> values)
    {
        var bytes = new byte[values.Length];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)values[i];
        return bytes;
    }
}
