using System.Buffers.Binary;
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
    private readonly ParquetFileReader _file;
    private readonly DedicatedColumns _dedicated;
    private readonly Dictionary<string, ColumnReader> _readers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StringTable> _tables = new(StringComparer.Ordinal);
    private readonly ColumnData _data = new();
    private long _rowStart;
    private int _rowCount;

    internal RowGroupReader(ParquetFileReader file, int rowGroup, DedicatedColumns dedicated)
    {
        _file = file;
        RowGroup = rowGroup;
        _dedicated = dedicated;
        RowCount = file.RowGroups[rowGroup].RowCount;
    }

    public int RowGroup { get; }

    public long RowCount { get; }

    /// <summary>
    /// The row ranges in which the group is best scanned: its pages, if they end at the same rows in all columns (as ours do),
    /// else the whole group.
    /// </summary>
    public IReadOnlyList<(long Start, int Count)> ScanRanges() => BlockReadException.Guard(this, static rows =>
    {
        var pages = rows.Reader("TraceID");
        if (pages.PageCount != rows.Reader(Span + "StatusCode").PageCount) return [(0, checked((int)rows.RowCount))];
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
        _rowStart = rowStart;
        _rowCount = rowCount;
        return BlockReadException.Guard((Rows: this, Columns: columns), static read => read.Rows.ReadBatch(read.Columns));
    }

    private long SearchRow(TraceId id)
    {
        var reader = Reader("TraceID");
        Span<byte> wanted = stackalloc byte[TraceId.SizeBytes];
        id.Write(wanted);
        var index = reader.ReadColumnIndex();
        if (index is not null && !IsAscending(index)) index = null;
        for (var page = 0; page < reader.PageCount; page++)
        {
            if (index is not null && (wanted.SequenceCompareTo(index.MinValues[page]) < 0 || wanted.SequenceCompareTo(index.MaxValues[page]) > 0)) continue;
            var (first, count) = reader.GetPageRows(page);
            reader.Read(first, count, _data);
            for (var i = 0; i < count; i++)
                if (_data.Table[_data.Codes[i]].SequenceEqual(wanted))
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
        if (columns.HasFlag(BatchColumns.Kind)) batch.Kind = Bytes(Longs(Span + "Kind", batch.SpanCount));
        if (columns.HasFlag(BatchColumns.Name)) Text(Span + "Name", batch.Name, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.StatusMessage)) Text(Span + "StatusMessage", batch.StatusMessage, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.TraceState)) Text(Span + "TraceState", batch.TraceState, batch.SpanCount);
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
        Load("TraceID");
        batch.TraceCount = _rowCount;
        batch.TraceIds = new TraceId[_rowCount];
        for (var i = 0; i < _rowCount; i++)
        {
            var id = _data.Table[_data.Codes[i]];
            if (id.Length != TraceId.SizeBytes) throw new ParquetFormatException($"column 'TraceID': row {_rowStart + i} has an id of {id.Length} bytes; 16 belong");
            batch.TraceIds[i] = TraceId.Read(id);
        }

        batch.TraceStart = Unsigned(Longs("StartTimeUnixNano", _rowCount));
        batch.TraceEnd = Unsigned(Longs("EndTimeUnixNano", _rowCount));
    }

    // Repetition 0 begins a trace, 1 a resource, 2 a scope, 3 a span; definition 3 says that there is a span.
    private void ReadStructure(SpanBatch batch)
    {
        Load(Span + "StatusCode");
        var spans = _data.ValueCount;
        batch.SpanCount = spans;
        batch.Trace = new int[spans];
        batch.Resource = new int[spans];
        batch.Scope = new int[spans];
        batch.Status = new byte[spans];
        int trace = -1, resource = -1, scope = -1, span = 0;
        for (var i = 0; i < _data.LevelCount; i++)
        {
            var repetition = _data.RepetitionLevels[i];
            var definition = _data.DefinitionLevels[i];
            if (repetition == 0) trace++;
            if (repetition <= 1 && definition >= 1) resource++;
            if (repetition <= 2 && definition >= 2) scope++;
            if (definition < 3) continue;
            if (scope < 0) throw new ParquetFormatException($"column '{Span}StatusCode': a span before the first scope");
            batch.Trace[span] = trace;
            batch.Resource[span] = resource;
            batch.Scope[span] = scope;
            // A block does not say whether the sender sent a Status message; like Tempo we answer one.
            batch.Status[span] = (byte)((byte)_data.Int64s[span] & SpanBatch.StatusCodeMask | SpanBatch.StatusSent);
            span++;
        }

        batch.Resources.Count = resource + 1;
        batch.Scopes.Count = scope + 1;
    }

    private void ReadSpanIds(SpanBatch batch)
    {
        batch.SpanId = Ids(Span + "SpanID", batch.SpanCount);
        batch.ParentSpanId = Ids(Span + "ParentSpanID", batch.SpanCount);
    }

    private void ReadTimes(SpanBatch batch)
    {
        batch.StartUnixNano = Unsigned(Longs(Span + "StartTimeUnixNano", batch.SpanCount));
        batch.DurationNano = Unsigned(Longs(Span + "DurationNano", batch.SpanCount));
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
        Text(Resource + "ServiceName", r.ServiceName, r.Count);
        r.HasServiceName = new byte[r.Count];
        for (var i = 0; i < r.Count; i++) r.HasServiceName[i] = r.ServiceName[i].IsEmpty ? (byte)0 : (byte)1;
        r.AttributeStart = ReadAttributes(Resource, r.Attributes, r.Count);
        r.DroppedAttributes = Counts(Resource + "DroppedAttributesCount", r.Count);
        ReadDedicated(batch, AttributeScope.Resource, Resource, r.Count);
    }

    private void ReadScopes(SpanBatch batch)
    {
        var s = batch.Scopes;
        Text(Scope + "Name", s.Name, s.Count);
        Text(Scope + "Version", s.Version, s.Count);
        s.AttributeStart = ReadAttributes(Scope, s.Attributes, s.Count);
        s.DroppedAttributes = Counts(Scope + "DroppedAttributesCount", s.Count);
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

        Load(Event + "TimeSinceStartNano");
        batch.EventStart = Starts(_file.Schema.GetColumn(Event + "TimeSinceStartNano"), batch.SpanCount);
        events.Count = _data.ValueCount;
        events.TimeSinceStartNano = Unsigned(_data.Int64s.AsSpan(0, events.Count));
        Text(Event + "Name", events.Name, events.Count);
        events.AttributeStart = ReadAttributes(Event, events.Attributes, events.Count);
        events.DroppedAttributes = Counts(Event + "DroppedAttributesCount", events.Count);
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

        Load(Link + "TraceID");
        batch.LinkStart = Starts(_file.Schema.GetColumn(Link + "TraceID"), batch.SpanCount);
        links.Count = _data.ValueCount;
        links.TraceId = new TraceId[links.Count];
        for (var i = 0; i < links.Count; i++)
            if (_data.Table[_data.Codes[i]] is { Length: TraceId.SizeBytes } id)
                links.TraceId[i] = TraceId.Read(id);
        links.SpanId = Ids(Link + "SpanID", links.Count);
        Text(Link + "TraceState", links.TraceState, links.Count);
        links.Flags = new uint[links.Count];
        links.AttributeStart = ReadAttributes(Link, links.Attributes, links.Count);
        links.DroppedAttributes = Counts(Link + "DroppedAttributesCount", links.Count);
    }

    private void ReadDropped(SpanBatch batch)
    {
        batch.DroppedAttributes = Counts(Span + "DroppedAttributesCount", batch.SpanCount);
        batch.DroppedEvents = Counts(Span + "DroppedEventsCount", batch.SpanCount);
        batch.DroppedLinks = Counts(Span + "DroppedLinksCount", batch.SpanCount);
        batch.Flags = new uint[batch.SpanCount];
    }

    private int[] ReadAttributes(string prefix, AttributeColumns attributes, int ownerCount)
    {
        var reader = new AttributeGroupReader(this, prefix + "Attrs.");
        return reader.Read(attributes, ownerCount);
    }

    private void ReadDedicated(SpanBatch batch, AttributeScope scope, string prefix, int ownerCount)
    {
        foreach (var (spec, field) in _dedicated.Of(scope))
        {
            var path = $"{prefix}DedicatedAttributes.{field}";
            Load(path);
            var starts = Starts(_file.Schema.GetColumn(path), ownerCount);
            var bits = new long[_data.ValueCount];
            var isText = spec.Type == AttributeType.String;
            for (var i = 0; i < bits.Length; i++) bits[i] = isText ? _data.Codes[i] : _data.Int64s[i];
            batch.Dedicated.Add(new DedicatedColumn
            {
                Scope = scope,
                Key = System.Text.Encoding.UTF8.GetBytes(spec.Name),
                Type = spec.Type,
                Start = starts,
                Bits = bits,
                Values = isText ? Table(path) : new StringTable([], [0, 0], 1),
            });
        }
    }

    /// <summary>Reads the rows of a column; the result is in <see cref="Data"/> until the next call.</summary>
    internal void Load(string path) => Reader(path).Read(_rowStart, _rowCount, _data);

    internal ColumnData Data => _data;

    internal ParquetColumn Column(string path) => _file.Schema.GetColumn(path);

    /// <summary>The strings that the codes of the last <see cref="Load"/> of this column mean.</summary>
    internal StringTable Table(string path)
    {
        var table = _data.Table;
        if (Reader(path).Dictionary is { } dictionary && ReferenceEquals(dictionary.Strings, table))
        {
            if (!_tables.TryGetValue(path, out var kept)) _tables.Add(path, kept = Copy(table));
            return kept;
        }

        return Copy(table);
    }

    /// <summary>
    /// Offsets of the children of each owner from the levels last loaded: an entry that repeats at the owner's level or above
    /// begins an owner (if it is defined that far), an entry defined one level further is a child.
    /// </summary>
    internal int[] Starts(ParquetColumn child, int ownerCount)
    {
        var starts = new int[ownerCount + 1];
        var ownerRepetition = child.MaxRepetitionLevel - (child.Node.Repetition == Repetition.Optional ? 0 : 1);
        var ownerDefinition = child.MaxDefinitionLevel - 1;
        int owner = -1, children = 0;
        for (var i = 0; i < _data.LevelCount; i++)
        {
            var definition = _data.DefinitionLevels[i];
            if (definition >= ownerDefinition && _data.RepetitionLevels[i] <= ownerRepetition && ++owner < ownerCount) starts[owner] = children;
            if (definition > ownerDefinition) children++;
        }

        if (owner + 1 != ownerCount) throw new ParquetFormatException($"column '{child.Path}': {owner + 1} owners where the tree has {ownerCount}");
        starts[ownerCount] = children;
        return starts;
    }

    private static StringTable Copy(ByteArrayTable table) => new(table.Bytes.ToArray(), table.Offsets.ToArray(), table.Count);

    private ColumnReader Reader(string path)
    {
        if (!_readers.TryGetValue(path, out var reader)) _readers.Add(path, reader = _file.OpenColumn(RowGroup, _file.Schema.GetColumn(path)));
        return reader;
    }

    private void Text(string path, StringColumn column, int count)
    {
        Load(path);
        Expect(path, count);
        column.Codes = _data.Codes.AsSpan(0, count).ToArray();
        column.Table = Table(path);
    }

    private ReadOnlySpan<long> Longs(string path, int count)
    {
        Load(path);
        Expect(path, count);
        return _data.Int64s.AsSpan(0, count);
    }

    private uint[] Counts(string path, int count)
    {
        Load(path);
        Expect(path, count);
        var counts = new uint[count];
        for (var i = 0; i < count; i++) counts[i] = (uint)_data.Int32s[i];
        return counts;
    }

    // Ids of 8 bytes; an empty or odd one is "none".
    private ulong[] Ids(string path, int count)
    {
        Load(path);
        Expect(path, count);
        var ids = new ulong[count];
        for (var i = 0; i < count; i++)
            if (_data.Table[_data.Codes[i]] is { Length: SpanId.SizeBytes } id)
                ids[i] = BinaryPrimitives.ReadUInt64BigEndian(id);
        return ids;
    }

    /// <summary>The column last loaded has as many values as the tree has places for.</summary>
    internal void Expect(string path, int count)
    {
        if (_data.ValueCount != count) throw new ParquetFormatException($"column '{path}': {_data.ValueCount} values where the tree has {count}");
    }

    private static ulong[] Unsigned(ReadOnlySpan<long> values) => System.Runtime.InteropServices.MemoryMarshal.Cast<long, ulong>(values).ToArray();

    private static byte[] Bytes(ReadOnlySpan<long> values)
    {
        var bytes = new byte[values.Length];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)values[i];
        return bytes;
    }
}
