namespace Tempo.Engine.Parquet;

/// <summary>PageHeader of parquet.thrift with the fields of its three kinds of page side by side.</summary>
internal struct PageHeader
{
    public PageType Type;
    public int UncompressedSizeBytes;
    public int CompressedSizeBytes;
    public uint? Checksum;

    /// <summary>Entries of a data page (values and nulls), or of a dictionary.</summary>
    public int ValueCount;

    public PageEncoding Encoding;
    public PageEncoding DefinitionEncoding;
    public PageEncoding RepetitionEncoding;

    // Version 2 only.
    public int NullCount;
    public int RowCount;
    public int DefinitionSizeBytes;
    public int RepetitionSizeBytes;
    public bool IsUncompressed;

    public static PageHeader Read(ReadOnlySpan<byte> bytes, string subject, out int headerSizeBytes)
    {
        var reader = new ThriftCompactReader(bytes, subject);
        // -1 is refused below or where it is used: a field that must be there may not be missing.
        var header = new PageHeader
        {
            Type = (PageType)(-1),
            UncompressedSizeBytes = -1,
            CompressedSizeBytes = -1,
            ValueCount = -1,
            Encoding = (PageEncoding)(-1),
            DefinitionEncoding = (PageEncoding)(-1),
            RepetitionEncoding = (PageEncoding)(-1),
            NullCount = -1,
            RowCount = -1,
            DefinitionSizeBytes = -1,
            RepetitionSizeBytes = -1,
        };
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: header.Type = (PageType)reader.ReadI32(type); break;
                case 2: header.UncompressedSizeBytes = reader.ReadI32(type); break;
                case 3: header.CompressedSizeBytes = reader.ReadI32(type); break;
                case 4: header.Checksum = (uint)reader.ReadI32(type); break;
                case 5 when type == ThriftType.Struct: header.ReadData(ref reader); break;
                case 7 when type == ThriftType.Struct: header.ReadDictionary(ref reader); break;
                case 8 when type == ThriftType.Struct: header.ReadDataV2(ref reader); break;
                default: reader.Skip(type); break;
            }
        }

        headerSizeBytes = reader.Position;
        header.Check(subject);
        return header;
    }

    public readonly void Write(ThriftCompactWriter writer)
    {
        writer.Clear();
        writer.WriteI32(1, (int)Type);
        writer.WriteI32(2, UncompressedSizeBytes);
        writer.WriteI32(3, CompressedSizeBytes);
        if (Checksum is { } checksum) writer.WriteI32(4, (int)checksum);
        switch (Type)
        {
            case PageType.Data:
                writer.BeginStruct(5);
                writer.WriteI32(1, ValueCount);
                writer.WriteI32(2, (int)Encoding);
                writer.WriteI32(3, (int)PageEncoding.Rle);
                writer.WriteI32(4, (int)PageEncoding.Rle);
                break;
            case PageType.Dictionary:
                writer.BeginStruct(7);
                writer.WriteI32(1, ValueCount);
                writer.WriteI32(2, (int)Encoding);
                break;
            default:
                writer.BeginStruct(8);
                writer.WriteI32(1, ValueCount);
                writer.WriteI32(2, NullCount);
                writer.WriteI32(3, RowCount);
                writer.WriteI32(4, (int)Encoding);
                writer.WriteI32(5, DefinitionSizeBytes);
                writer.WriteI32(6, RepetitionSizeBytes);
                writer.WriteBool(7, !IsUncompressed);
                break;
        }

        writer.EndStruct();
        writer.EndStruct();
    }

    private void ReadData(ref ThriftCompactReader reader)
    {
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: ValueCount = reader.ReadI32(type); break;
                case 2: Encoding = (PageEncoding)reader.ReadI32(type); break;
                case 3: DefinitionEncoding = (PageEncoding)reader.ReadI32(type); break;
                case 4: RepetitionEncoding = (PageEncoding)reader.ReadI32(type); break;
                default: reader.Skip(type); break;
            }
        }
    }

    private void ReadDictionary(ref ThriftCompactReader reader)
    {
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: ValueCount = reader.ReadI32(type); break;
                case 2: Encoding = (PageEncoding)reader.ReadI32(type); break;
                default: reader.Skip(type); break;
            }
        }
    }

    private void ReadDataV2(ref ThriftCompactReader reader)
    {
        DefinitionEncoding = RepetitionEncoding = PageEncoding.Rle;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: ValueCount = reader.ReadI32(type); break;
                case 2: NullCount = reader.ReadI32(type); break;
                case 3: RowCount = reader.ReadI32(type); break;
                case 4: Encoding = (PageEncoding)reader.ReadI32(type); break;
                case 5: DefinitionSizeBytes = reader.ReadI32(type); break;
                case 6: RepetitionSizeBytes = reader.ReadI32(type); break;
                case 7: IsUncompressed = !reader.ReadBool(type); break;
                default: reader.Skip(type); break;
            }
        }
    }

    private readonly void Check(string subject)
    {
        if (Type is < PageType.Data or > PageType.DataV2) ParquetFormatException.Throw($"{subject}: page type {(int)Type}.");
        if (CompressedSizeBytes is < 0 or > ParquetLimits.MaxPageBytes)
            ParquetFormatException.Throw($"{subject}: {CompressedSizeBytes} compressed bytes; the limit is {ParquetLimits.MaxPageBytes}.");
        if (UncompressedSizeBytes is < 0 or > ParquetLimits.MaxPageBytes)
            ParquetFormatException.Throw(
                $"{subject}: {UncompressedSizeBytes} uncompressed bytes; the limit is {ParquetLimits.MaxPageBytes}.");
        if (Type == PageType.Index) return;
        if (ValueCount is < 0 or > ParquetLimits.MaxPageLevels)
            ParquetFormatException.Throw($"{subject}: {ValueCount} values; the limit is {ParquetLimits.MaxPageLevels}.");
        if (Type != PageType.DataV2) return;
        if (RowCount < 0 || RowCount > ValueCount) ParquetFormatException.Throw($"{subject}: {RowCount} rows of {ValueCount} values.");
        if (NullCount < 0 || NullCount > ValueCount) ParquetFormatException.Throw($"{subject}: {NullCount} nulls of {ValueCount} values.");
        if (DefinitionSizeBytes < 0 || RepetitionSizeBytes < 0
            || (long)DefinitionSizeBytes + RepetitionSizeBytes > Math.Min(CompressedSizeBytes, UncompressedSizeBytes))
            ParquetFormatException.Throw(
                $"{subject}: levels of {RepetitionSizeBytes} + {DefinitionSizeBytes} bytes in a page of {CompressedSizeBytes}.");
    }
}
