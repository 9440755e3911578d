namespace Tempo.Engine.Parquet;

/// <summary>RowGroup of parquet.thrift.</summary>
public sealed class RowGroupMetaData
{
    private ColumnChunkMetaData[] _columns = [];

    public long RowCount { get; internal set; }

    /// <summary>All pages of all columns, uncompressed.</summary>
    public long UncompressedSizeBytes { get; internal set; }

    /// <summary>One chunk for each leaf, in schema order.</summary>
    public IReadOnlyList<ColumnChunkMetaData> Columns => _columns;

    internal static RowGroupMetaData Read(ref ThriftCompactReader reader)
    {
        var group = new RowGroupMetaData();
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    var count = reader.ReadListHeader(type, ThriftType.Struct);
                    if (count > ParquetLimits.MaxSchemaElements)
                        ParquetFormatException.Throw(
                            $"Footer: a row group of {count} columns; the limit is {ParquetLimits.MaxSchemaElements}.");
                    group._columns = new ColumnChunkMetaData[count];
                    for (var i = 0; i < count; i++) group._columns[i] = ColumnChunkMetaData.Read(ref reader);
                    break;
                case 2: group.UncompressedSizeBytes = reader.ReadI64(type); break;
                case 3: group.RowCount = reader.ReadI64(type); break;
                default: reader.Skip(type); break;
            }
        }

        return group;
    }
}
