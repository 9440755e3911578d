namespace Tempo.Engine.Parquet;

/// <summary>FileMetaData of parquet.thrift: the footer, checked against itself and against the length of the file.</summary>
internal sealed class FileMetaData
{
    private const int MaxRowGroups = short.MaxValue; // their ordinal is an i16
    private const int MaxKeyValues = 4096;
    private const short RowGroupsField = 4;

    public required ParquetSchema Schema { get; init; }

    public long RowCount { get; private set; }

    public List<RowGroupMetaData> RowGroups { get; } = [];

    public Dictionary<string, string> KeyValues { get; } = new(StringComparer.Ordinal);

    public string CreatedBy { get; private set; } = "";

    /// <summary>Reads a footer. <paramref name="dataEnd"/> is its own offset: everything it points at lies before that.</summary>
    public static FileMetaData Read(ReadOnlySpan<byte> bytes, long dataEnd)
    {
        var footer = Read(bytes, withRowGroups: true);
        footer.Check(dataEnd);
        return footer;
    }

    /// <summary>The same without the row groups, which are passed over: of a large file they are nearly all of it.</summary>
    public static FileMetaData ReadWithoutRowGroups(ReadOnlySpan<byte> bytes) => Read(bytes, withRowGroups: false);

    private static FileMetaData Read(ReadOnlySpan<byte> bytes, bool withRowGroups)
    {
        var reader = new ThriftCompactReader(bytes, "Footer");
        var elements = new List<SchemaElement>();
        FileMetaData? footer = null;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            if (field == 2)
            {
                ReadSchema(ref reader, type, elements);
                footer = new FileMetaData { Schema = SchemaReader.Build(elements) };
            }
            else if (field > 2 && footer is null) ParquetFormatException.Throw("Footer: no schema.");
            else if (footer is null || (field == RowGroupsField && !withRowGroups)) reader.Skip(type);
            else footer.ReadField(ref reader, field, type);
        }

        return footer ?? ParquetFormatException.Throw<FileMetaData>("Footer: no schema.");
    }

    private static void ReadSchema(ref ThriftCompactReader reader, ThriftType type, List<SchemaElement> elements)
    {
        var count = reader.ReadListHeader(type, ThriftType.Struct);
        if (count > ParquetLimits.MaxSchemaElements)
            ParquetFormatException.Throw($"Footer: a schema of {count} elements; the limit is {ParquetLimits.MaxSchemaElements}.");
        elements.Clear();
        for (var i = 0; i < count; i++) elements.Add(SchemaElement.Read(ref reader));
    }

    private void ReadField(ref ThriftCompactReader reader, short field, ThriftType type)
    {
        switch (field)
        {
            case 3: RowCount = reader.ReadI64(type); break;
            case RowGroupsField:
                var groups = reader.ReadListHeader(type, ThriftType.Struct);
                if (groups > MaxRowGroups) ParquetFormatException.Throw($"Footer: {groups} row groups; the limit is {MaxRowGroups}.");
                for (var i = 0; i < groups; i++) RowGroups.Add(RowGroupMetaData.Read(ref reader));
                break;
            case 5:
                var entries = reader.ReadListHeader(type, ThriftType.Struct);
                if (entries > MaxKeyValues)
                    ParquetFormatException.Throw($"Footer: {entries} key-value entries; the limit is {MaxKeyValues}.");
                for (var i = 0; i < entries; i++) ReadKeyValue(ref reader);
                break;
            case 6: CreatedBy = reader.ReadText(type); break;
            case 8: ParquetFormatException.Throw("Footer: the file is encrypted; that is not supported."); break;
            default: reader.Skip(type); break;
        }
    }

    private void ReadKeyValue(ref ThriftCompactReader reader)
    {
        string key = "", value = "";
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: key = reader.ReadText(type); break;
                case 2: value = reader.ReadText(type); break;
                default: reader.Skip(type); break;
            }
        }

        KeyValues[key] = value;
    }

    private void Check(long dataEnd)
    {
        long rows = 0;
        for (var g = 0; g < RowGroups.Count; g++)
        {
            var group = RowGroups[g];
            if (group.RowCount < 0) ParquetFormatException.Throw($"Footer: row group {g} has {group.RowCount} rows.");
            rows = group.RowCount <= long.MaxValue - rows
                ? rows + group.RowCount
                : ParquetFormatException.Throw<long>("Footer: too many rows.");
            if (group.Columns.Count != Schema.Columns.Count)
                ParquetFormatException.Throw(
                    $"Footer: row group {g} has {group.Columns.Count} columns, the schema {Schema.Columns.Count} leaves.");
            for (var c = 0; c < group.Columns.Count; c++) CheckChunk(group, g, Schema.Columns[c], dataEnd);
        }

        if (rows != RowCount) ParquetFormatException.Throw($"Footer: the file has {RowCount} rows, its row groups {rows}.");
    }

    private static void CheckChunk(RowGroupMetaData group, int groupIndex, ParquetColumn column, long dataEnd)
    {
        var chunk = group.Columns[column.Index];
        var where = $"Footer: row group {groupIndex}, column '{column.Path}'";
        if (chunk.Type != column.Type) ParquetFormatException.Throw($"{where}: type {chunk.Type} where the schema says {column.Type}.");
        var tooFew = chunk.ValueCount < group.RowCount;
        if (tooFew || (column.MaxRepetitionLevel == 0 && chunk.ValueCount != group.RowCount))
            ParquetFormatException.Throw($"{where}: {chunk.ValueCount} values in {group.RowCount} rows.");
        CheckRange(chunk.StartOffset, chunk.CompressedSizeBytes, dataEnd, $"{where}: pages");
        if (chunk.DataPageOffset < chunk.StartOffset || chunk.DataPageOffset > chunk.StartOffset + chunk.CompressedSizeBytes)
            ParquetFormatException.Throw($"{where}: data pages at {chunk.DataPageOffset}, outside the chunk.");
        // Equal in files of writers that count the dictionary as the first data page.
        if (chunk.DictionaryPageOffset > chunk.DataPageOffset)
            ParquetFormatException.Throw(
                $"{where}: a dictionary at {chunk.DictionaryPageOffset}, behind the data pages at {chunk.DataPageOffset}.");
        CheckIndexRange(chunk.OffsetIndexOffset, chunk.OffsetIndexSizeBytes, dataEnd, $"{where}: offset index");
        CheckIndexRange(chunk.ColumnIndexOffset, chunk.ColumnIndexSizeBytes, dataEnd, $"{where}: column index");
    }

    private static void CheckIndexRange(long offset, int size, long dataEnd, string what)
    {
        if (size == 0) return;
        if (size > ParquetLimits.MaxPageIndexBytes)
            ParquetFormatException.Throw($"{what} of {size} bytes; the limit is {ParquetLimits.MaxPageIndexBytes}.");
        CheckRange(offset, size, dataEnd, what);
    }

    /// <summary>The first four bytes are the magic, so nothing lies there.</summary>
    private static void CheckRange(long offset, long size, long dataEnd, string what)
    {
        if (offset < 4 || size < 0 || offset > dataEnd || size > dataEnd - offset)
            ParquetFormatException.Throw($"{what} at {offset}, {size} bytes, outside the data, which ends at {dataEnd}.");
    }
}
