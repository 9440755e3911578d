namespace Tempo.Engine.Parquet;

/// <summary>ColumnChunk and ColumnMetaData of parquet.thrift: where a leaf of a row group lies and how it is stored.</summary>
public sealed class ColumnChunkMetaData
{
    public PhysicalType Type { get; internal set; }

    public CompressionCodec Codec { get; internal set; }

    /// <summary>Entries, values and nulls.</summary>
    public long ValueCount { get; internal set; }

    /// <summary>Pages with their headers, as they would be without compression.</summary>
    public long UncompressedSizeBytes { get; internal set; }

    /// <summary>Pages with their headers, as they lie in the file.</summary>
    public long CompressedSizeBytes { get; internal set; }

    public long DataPageOffset { get; internal set; }

    /// <summary>0 if there is no dictionary, or if the file does not say.</summary>
    public long DictionaryPageOffset { get; internal set; }

    public ColumnStatistics? Statistics { get; internal set; }

    public IReadOnlyList<PageEncoding> Encodings { get; internal set; } = [];

    /// <summary>
    /// True if the file says that every data page is dictionary-coded; then a value that is not in the dictionary is not in the
    /// chunk.
    /// </summary>
    public bool IsDictionaryOnly { get; internal set; }

    /// <summary>First byte of the chunk: its dictionary page, or else its first data page.</summary>
    public long StartOffset => DictionaryPageOffset > 0 ? Math.Min(DictionaryPageOffset, DataPageOffset) : DataPageOffset;

    internal long OffsetIndexOffset { get; set; }

    internal int OffsetIndexSizeBytes { get; set; }

    internal long ColumnIndexOffset { get; set; }

    internal int ColumnIndexSizeBytes { get; set; }

    internal static ColumnChunkMetaData Read(ref ThriftCompactReader reader)
    {
        var chunk = new ColumnChunkMetaData { Type = (PhysicalType)(-1) };
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: ParquetFormatException.Throw("Footer: a column chunk lies in another file; that is not supported."); break;
                case 3 when type == ThriftType.Struct: chunk.ReadMetaData(ref reader); break;
                case 4: chunk.OffsetIndexOffset = reader.ReadI64(type); break;
                case 5: chunk.OffsetIndexSizeBytes = reader.ReadI32(type); break;
                case 6: chunk.ColumnIndexOffset = reader.ReadI64(type); break;
                case 7: chunk.ColumnIndexSizeBytes = reader.ReadI32(type); break;
                case 8: ParquetFormatException.Throw("Footer: a column chunk is encrypted; that is not supported."); break;
                default: reader.Skip(type); break;
            }
        }

        return chunk;
    }

    /// <summary>Number of the last field of <see cref="WriteHead"/>.</summary>
    internal const short LastHeadField = 3;

    /// <summary>The fields of ColumnChunk that are known when the chunk has been written: all but the places of its page indexes.</summary>
    internal void WriteHead(ThriftCompactWriter writer, ParquetColumn column, IReadOnlyList<PageEncodingCount> pages)
    {
        writer.WriteI64(2, StartOffset);
        writer.BeginStruct(LastHeadField);
        writer.WriteI32(1, (int)Type);
        writer.BeginList(2, ThriftType.I32, Encodings.Count);
        foreach (var encoding in Encodings) writer.WriteI32Element((int)encoding);
        writer.BeginList(3, ThriftType.Binary, column.PathParts.Count);
        foreach (var part in column.PathParts) writer.WriteTextElement(part);
        writer.WriteI32(4, (int)Codec);
        writer.WriteI64(5, ValueCount);
        writer.WriteI64(6, UncompressedSizeBytes);
        writer.WriteI64(7, CompressedSizeBytes);
        writer.WriteI64(9, DataPageOffset);
        if (DictionaryPageOffset > 0) writer.WriteI64(11, DictionaryPageOffset);
        Statistics?.Write(writer, 12);
        PageEncodingCount.WriteList(writer, 13, pages);
        writer.EndStruct();
    }

    /// <summary>The fields that follow, as far as there are indexes.</summary>
    internal static void WriteIndexPlaces(
        ThriftCompactWriter writer, long offsetIndexOffset, int offsetIndexSizeBytes, long columnIndexOffset, int columnIndexSizeBytes)
    {
        if (offsetIndexSizeBytes > 0)
        {
            writer.WriteI64(4, offsetIndexOffset);
            writer.WriteI32(5, offsetIndexSizeBytes);
        }

        if (columnIndexSizeBytes > 0)
        {
            writer.WriteI64(6, columnIndexOffset);
            writer.WriteI32(7, columnIndexSizeBytes);
        }
    }

    private void ReadMetaData(ref ThriftCompactReader reader)
    {
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: Type = (PhysicalType)reader.ReadI32(type); break;
                case 2: Encodings = ReadEncodings(ref reader, type); break;
                case 4: Codec = (CompressionCodec)reader.ReadI32(type); break;
                case 5: ValueCount = reader.ReadI64(type); break;
                case 6: UncompressedSizeBytes = reader.ReadI64(type); break;
                case 7: CompressedSizeBytes = reader.ReadI64(type); break;
                case 9: DataPageOffset = reader.ReadI64(type); break;
                case 11: DictionaryPageOffset = reader.ReadI64(type); break;
                case 12 when type == ThriftType.Struct: Statistics = ColumnStatistics.Read(ref reader); break;
                case 13: IsDictionaryOnly = PageEncodingCount.ReadIsDictionaryOnly(ref reader, type); break;
                default: reader.Skip(type); break;
            }
        }
    }

    private static PageEncoding[] ReadEncodings(ref ThriftCompactReader reader, ThriftType type)
    {
        var encodings = new PageEncoding[reader.ReadListHeader(type, ThriftType.I32)];
        for (var i = 0; i < encodings.Length; i++) encodings[i] = (PageEncoding)reader.ReadI32Element();
        return encodings;
    }
}
