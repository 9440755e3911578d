using System.Runtime.InteropServices;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Turns the rows of a page into one page in each column's chunk. Which encoding a column gets stands here and in
/// FORMAT.md, with what other readers make of it: ParentID never has a dictionary (Tempo then finds no root spans), Key
/// always has one (its tag names come from there), booleans are PLAIN.
/// </summary>
internal sealed class BlockColumns
{
    /// <summary>
    /// A string dictionary that has grown beyond this is closed: further pages hold their values themselves. A dictionary is
    /// one page that every reader must load whole.
    /// </summary>
    private const int MaxDictionaryBytes = 8 << 20;

    private readonly ColumnChunkWriter[] _inSchemaOrder;

    // By logical path (BlockVersion), as everything here; and the path of each chunk.
    private readonly Dictionary<string, ColumnChunkWriter> _chunks = new(StringComparer.Ordinal);
    private readonly string[] _paths;
    private readonly Dictionary<string, Action<ColumnChunkWriter>> _dictionaries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NumberDictionary> _small = new(StringComparer.Ordinal);
    private int[] _smallEntries = [];
    private int[] _rounded = [];
    private int[] _indexes = [];
    private int[] _codes = [];
    private int _rowCount;

    public BlockColumns(ParquetSchema schema, ParquetWriterOptions file, BlockVersion version, int zstdLevel)
    {
        _paths = [.. schema.Columns.Select(version.LogicalPath)];
        _inSchemaOrder = ParquetFileWriter.CreateColumns(schema, file, column => OptionsOf(version.LogicalPath(column), zstdLevel));
        for (var i = 0; i < _paths.Length; i++) _chunks.Add(_paths[i], _inSchemaOrder[i]);
    }

    private static ColumnOptions OptionsOf(string path, int zstdLevel)
    {
        var options = new ColumnOptions
        {
            CompressionLevel = ColumnLevels.Of(path, zstdLevel),
            DictionaryCompressionLevel = ColumnLevels.OfDictionaries
        };
        return HasTextBounds(path) ? options with { Bounds = BoundsPolicy.All } : options;
    }

    // Texts by which pages are passed over: of one attribute each, and names; and keys where most pages have none. Among all keys and
    // values of spans and resources every page has some that are low and some that are high.
    private static bool HasTextBounds(string path) => path switch
    {
        "TraceID" or "rs.ss.Spans.Name" or "rs.ss.Spans.StatusMessage" or "rs.ss.Spans.Events.Name" => true,
        "rs.ss.Scope.Attrs.Key" or "rs.ss.Spans.Events.Attrs.Key" or "rs.ss.Spans.Links.Attrs.Key" => true,
        _ => path.Contains(".Dedicated", StringComparison.Ordinal) || path.Contains(".Http", StringComparison.Ordinal)
            || path.StartsWith("rs.Resource.", StringComparison.Ordinal) && !path.Contains(".Attrs.", StringComparison.Ordinal),
    };

    /// <summary>Compressed bytes of the open row group.</summary>
    public long SizeBytes => _inSchemaOrder.Sum(static chunk => chunk.SizeBytes);

    /// <summary>Bytes of the string dictionaries of the open row group; they stay in memory even when they are closed.</summary>
    public long DictionaryBytes { get; private set; }

    /// <summary>zstd level of further pages.</summary>
    public void CompressAt(int zstdLevel)
    {
        for (var i = 0; i < _paths.Length; i++) _inSchemaOrder[i].CompressionLevel = ColumnLevels.Of(_paths[i], zstdLevel);
    }

    /// <summary>Writes one page of every column.</summary>
    public void WritePage(TraceStage stage)
    {
        _rowCount = stage.TraceCount;
        DictionaryBytes = 0;
        WriteRows(stage);
        WriteResources(stage);
        WriteScopes(stage);
        WriteSpans(stage.Spans);
        WriteEvents(stage.Spans);
        WriteLinks(stage.Spans);
    }

    /// <summary>Ends the row group: dictionaries, then all chunks to the file in schema order.</summary>
    public void WriteRowGroup(ParquetFileWriter file, long rowCount)
    {
        file.BeginRowGroup(rowCount);
        for (var i = 0; i < _paths.Length; i++)
        {
            var chunk = _inSchemaOrder[i];
            if (_dictionaries.TryGetValue(_paths[i], out var write)) write(chunk);
            file.WriteColumn(chunk);
            chunk.Reset();
        }

        _dictionaries.Clear();
        DictionaryBytes = 0;
    }

    /// <summary>Forgets a row group that was begun.</summary>
    public void Reset()
    {
        foreach (var chunk in _inSchemaOrder) chunk.Reset();
        foreach (var dictionary in _small.Values) dictionary.Clear();
        _dictionaries.Clear();
        DictionaryBytes = 0;
    }

    // Not every version has every column.
    private bool Has(string path) => _chunks.ContainsKey(path);

    private void WriteRows(TraceStage s)
    {
        var rows = s.Rows.ToPage(_rowCount);
        _chunks["TraceID"].WriteDeltaPrefix(rows, ByteArrayValues.FixedWidth(s.Ids.AsSpan(0, _rowCount * 16), 16));
        _chunks["TraceIDText"].WriteDeltaLength(rows, new ByteArrayValues(s.IdTextOffsets.AsSpan(0, _rowCount + 1), s.IdTexts));
        _chunks["StartTimeUnixNano"].WriteDelta(rows, s.Start.AsSpan(0, _rowCount));
        _chunks["EndTimeUnixNano"].WriteDelta(rows, s.End.AsSpan(0, _rowCount));
        _chunks["DurationNano"].WritePlain(rows, s.Duration.AsSpan(0, _rowCount));
        WriteText("RootServiceName", s.Rows, s.RootService.AsSpan(0, _rowCount), s.RootServices);
        WriteText("RootSpanName", s.Rows, s.RootName.AsSpan(0, _rowCount), s.RootNames);
        WriteText("ServiceStats.ServiceName", s.ServiceLevels, s.StatsService.AsSpan(0, s.ServiceCount), s.StatsServices);
        var services = s.ServiceLevels.ToPage(_rowCount);
        _chunks["ServiceStats.SpanCount"].WriteDelta(services, s.StatsSpans.AsSpan(0, s.ServiceCount));
        _chunks["ServiceStats.ErrorCount"].WriteDelta(services, s.StatsErrors.AsSpan(0, s.ServiceCount));
    }

    private void WriteResources(TraceStage s)
    {
        var count = s.ResourceCount;
        WriteText("rs.Resource.ServiceName", s.ResourceLevels, s.ResourceService.AsSpan(0, count), s.ResourceServices);
        WriteAttributes("rs.Resource.", s.ResourceAttributes);
        WriteSmall("rs.Resource.DroppedAttributesCount", s.ResourceLevels, s.ResourceDroppedAttributes.AsSpan(0, count));
    }

    private void WriteScopes(TraceStage s)
    {
        var count = s.ScopeCount;
        WriteText("rs.ss.Scope.Name", s.ScopeLevels, s.ScopeName.AsSpan(0, count), s.ScopeNames);
        WriteText("rs.ss.Scope.Version", s.ScopeLevels, s.ScopeVersion.AsSpan(0, count), s.ScopeVersions);
        WriteAttributes("rs.ss.Scope.", s.ScopeAttributes);
        WriteSmall("rs.ss.Scope.DroppedAttributesCount", s.ScopeLevels, s.ScopeDroppedAttributes.AsSpan(0, count));
        if (Has("rs.ss.SpanCount")) WriteSmall("rs.ss.SpanCount", s.ScopeLevels, s.ScopeSpanCounts);
    }

    private void WriteSpans(SpanStage s)
    {
        const string Prefix = "rs.ss.Spans.";
        var count = s.Count;
        var levels = s.Levels.ToPage(_rowCount);
        _chunks[Prefix + "SpanID"].WriteDeltaLength(levels, ByteArrayValues.FixedWidth(s.Ids.AsSpan(0, count * 8), 8));
        _chunks[Prefix + "ParentSpanID"].WriteDeltaLength(levels, new ByteArrayValues(s.ParentIdOffsets.AsSpan(0, count + 1), s.ParentIds));
        _chunks[Prefix + "ParentID"].WritePlain(levels, s.Parent.AsSpan(0, count));
        WriteSmall(Prefix + "NestedSetLeft", s.Levels, s.Left.AsSpan(0, count));
        WriteSmall(Prefix + "NestedSetRight", s.Levels, s.Right.AsSpan(0, count));
        if (Has(Prefix + "ChildCount")) WriteSmall(Prefix + "ChildCount", s.Levels, s.ChildCount.AsSpan(0, count));
        WriteText(Prefix + "Name", s.Levels, s.Name.AsSpan(0, count), s.Names);
        WriteSmallLong(Prefix + "Kind", s.Levels, s.Kind.AsSpan(0, count));
        WriteText(Prefix + "TraceState", s.Levels, s.TraceState.AsSpan(0, count), s.TraceStates);
        _chunks[Prefix + "StartTimeUnixNano"].WriteDelta(levels, s.Start.AsSpan(0, count));
        _chunks[Prefix + "DurationNano"].WriteDelta(levels, s.Duration.AsSpan(0, count));
        WriteSmallLong(Prefix + "StatusCode", s.Levels, s.StatusCode.AsSpan(0, count));
        WriteText(Prefix + "StatusMessage", s.Levels, s.StatusMessage.AsSpan(0, count), s.StatusMessages);
        WriteAttributes(Prefix, s.Attributes);
        WriteSmall(Prefix + "DroppedAttributesCount", s.Levels, s.DroppedAttributes.AsSpan(0, count));
        WriteSmall(Prefix + "DroppedEventsCount", s.Levels, s.DroppedEvents.AsSpan(0, count));
        WriteSmall(Prefix + "DroppedLinksCount", s.Levels, s.DroppedLinks.AsSpan(0, count));
        if (!Has(Prefix + "StartTimeRounded15")) return;
        foreach (var seconds in (ReadOnlySpan<int>)[15, 60, 300, 3600]) WriteRounded($"{Prefix}StartTimeRounded{seconds}", s, seconds);
    }

    private void WriteEvents(SpanStage s)
    {
        const string Prefix = "rs.ss.Spans.Events.";
        _chunks[Prefix + "TimeSinceStartNano"].WritePlain(s.EventLevels.ToPage(_rowCount), s.EventTime.AsSpan(0, s.EventCount));
        WriteText(Prefix + "Name", s.EventLevels, s.EventName.AsSpan(0, s.EventCount), s.EventNames);
        WriteAttributes(Prefix, s.EventAttributes);
        WriteSmall(Prefix + "DroppedAttributesCount", s.EventLevels, s.EventDroppedAttributes.AsSpan(0, s.EventCount));
    }

    private void WriteLinks(SpanStage s)
    {
        const string Prefix = "rs.ss.Spans.Links.";
        var levels = s.LinkLevels.ToPage(_rowCount);
        _chunks[Prefix + "TraceID"].WritePlain(levels, ByteArrayValues.FixedWidth(s.LinkTraceIds.AsSpan(0, s.LinkCount * 16), 16));
        _chunks[Prefix + "SpanID"].WritePlain(levels, ByteArrayValues.FixedWidth(s.LinkSpanIds.AsSpan(0, s.LinkCount * 8), 8));
        WriteText(Prefix + "TraceState", s.LinkLevels, s.LinkTraceState.AsSpan(0, s.LinkCount), s.LinkTraceStates);
        WriteAttributes(Prefix, s.LinkAttributes);
        WriteSmall(Prefix + "DroppedAttributesCount", s.LinkLevels, s.LinkDroppedAttributes.AsSpan(0, s.LinkCount));
    }

    private void WriteAttributes(string prefix, AttributeStage s)
    {
        var attrs = prefix + "Attrs.";
        WriteText(attrs + "Key", s.Levels, s.Keys, s.Dictionaries.Keys, mayOutgrow: false);
        _chunks[attrs + "IsArray"].WriteBooleans(s.Levels.ToPage(_rowCount), s.IsArray);
        WriteText(attrs + "Value", s.Strings.Levels, s.Strings.Values, s.Dictionaries.Values);
        WriteNumbers(attrs + "ValueInt", s.Ints);
        _chunks[attrs + "ValueDouble"].WritePlain(s.Doubles.Levels.ToPage(_rowCount), s.Doubles.Values);
        _chunks[attrs + "ValueBool"].WriteBooleans(s.Bools.Levels.ToPage(_rowCount), s.Bools.Values);
        WriteText(attrs + "ValueUnsupported", s.Unsupported.Levels, s.Unsupported.Values, s.Dictionaries.Unsupported);
        foreach (var column in s.Dedicated) WriteDedicated(prefix + column.Leaf.Field, column);
    }

    private void WriteDedicated(string path, DedicatedStage column)
    {
        if (column.Leaf.Type == AttributeType.Int)
        {
            WriteNumbers(path, column.Ints);
            return;
        }

        if (column.Leaf.Options.HasFlag(DedicatedColumnOptions.Blob)) WriteTextItself(path, column.Levels, column.Texts, column.Strings);
        else WriteText(path, column.Levels, column.Texts, column.Strings);
    }

    private void WriteText(string path, LevelStream levels, ReadOnlySpan<int> indexes, StringDictionary dictionary, bool mayOutgrow = true)
    {
        DictionaryBytes += dictionary.SizeBytes;
        if (dictionary.Count == 0)
        {
            _chunks[path].WritePlain(levels.ToPage(_rowCount), new ByteArrayValues([0], []));
            return;
        }

        if (mayOutgrow && dictionary.Closes(MaxDictionaryBytes, indexes))
        {
            WriteTextItself(path, levels, indexes, dictionary);
            return;
        }

        var count = dictionary.Count;
        _chunks[path].WriteDictionaryIndices(levels.ToPage(_rowCount), indexes, IndexBits(count),
            Entries(dictionary).Select(CollectionsMarshal.AsSpan(dictionary.Codes)[..count]));
        _dictionaries[path] =
            chunk => chunk.WriteDictionary(Entries(dictionary).Select(CollectionsMarshal.AsSpan(dictionary.Codes)[..count]));
    }

    private void WriteTextItself(string path, LevelStream levels, ReadOnlySpan<int> indexes, StringDictionary dictionary)
    {
        GrowableArray.Reserve(ref _codes, indexes.Length);
        var codes = _codes.AsSpan(0, indexes.Length);
        for (var i = 0; i < codes.Length; i++) codes[i] = dictionary.Codes[indexes[i]];
        _chunks[path].WriteDeltaLength(levels.ToPage(_rowCount), Entries(dictionary).Select(codes));
    }

    private static ByteArrayValues Entries(StringDictionary dictionary) =>
        new(dictionary.Table.Offsets.AsSpan(0, dictionary.Table.Count + 1), dictionary.Table.Bytes);

    private void WriteNumbers(string path, IntStage column)
    {
        var dictionary = column.Dictionary;
        var levels = column.Levels.ToPage(_rowCount);
        switch (column.Values.IsEmpty ? PageEncoding.Plain : column.Encodings.Choose(_chunks[path], column, IndexBits(dictionary.Count)))
        {
            case PageEncoding.Plain:
                _chunks[path].WritePlain(levels, column.Values);
                return;
            case PageEncoding.DeltaBinaryPacked:
                _chunks[path].WriteDelta(levels, column.Values);
                return;
        }

        var count = dictionary.Count;
        _chunks[path].WriteDictionaryIndices(levels, column.Indexes, IndexBits(count), column.Values);
        _dictionaries[path] = chunk => chunk.WriteDictionary(dictionary.Values[..count]);
    }

    // INT32 columns of few different values.
    private void WriteSmall(string path, LevelStream levels, ReadOnlySpan<int> values)
    {
        if (!TryIndexSmall(path, values, out var dictionary))
        {
            _chunks[path].WriteDelta(levels.ToPage(_rowCount), values);
            return;
        }

        var count = dictionary.Count;
        _chunks[path].WriteDictionaryIndices(levels.ToPage(_rowCount), _indexes.AsSpan(0, values.Length), IndexBits(count), values);
        _dictionaries[path] = chunk =>
        {
            GrowableArray.Reserve(ref _smallEntries, count);
            for (var i = 0; i < count; i++) _smallEntries[i] = (int)dictionary.Values[i];
            chunk.WriteDictionary(_smallEntries.AsSpan(0, count));
            dictionary.Clear();
        };
    }

    // INT64 columns whose values fit 32 bits.
    private void WriteSmallLong(string path, LevelStream levels, ReadOnlySpan<int> values)
    {
        TryIndexSmall(path, values, out var dictionary);
        var count = dictionary.Count;
        _chunks[path].WriteDictionaryIndices(levels.ToPage(_rowCount), _indexes.AsSpan(0, values.Length), IndexBits(count), values);
        _dictionaries[path] = chunk =>
        {
            chunk.WriteDictionary(dictionary.Values[..count]);
            dictionary.Clear();
        };
    }

    private bool TryIndexSmall(string path, ReadOnlySpan<int> values, out NumberDictionary dictionary)
    {
        ref var slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_small, path, out _);
        dictionary = slot ??= new NumberDictionary();
        if (values.IsEmpty || dictionary.IsClosed) return false;
        GrowableArray.Reserve(ref _indexes, values.Length);
        if (!values.ContainsAnyExcept(values[0]))
        {
            _indexes.AsSpan(0, values.Length).Fill(dictionary.Index(values[0]));
            return true;
        }

        var last = ~values[0];
        var index = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] != last) index = dictionary.Index(last = values[i]);
            _indexes[i] = index;
        }

        return true;
    }

    // Number of the N-second interval, open left and closed right, that the span starts in.
    private void WriteRounded(string path, SpanStage s, int seconds)
    {
        GrowableArray.Reserve(ref _rounded, s.Count);
        var step = (ulong)seconds * 1_000_000_000;
        for (var i = 0; i < s.Count; i++)
        {
            var start = (ulong)s.Start[i];
            _rounded[i] = start == 0 ? 0 : (int)(uint)((start - 1) / step);
        }

        WriteSmall(path, s.Levels, _rounded.AsSpan(0, s.Count));
    }

    // Whole bytes compress better than packed bits where two bytes are enough.
    private static int IndexBits(int dictionaryCount) =>
        dictionaryCount <= 1 << 16 ? BitWidth.ByteAlignedOf(dictionaryCount - 1) : BitWidth.Of(dictionaryCount - 1);
}
