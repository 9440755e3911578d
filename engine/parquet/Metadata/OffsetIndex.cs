namespace Tempo.Engine.Parquet;

/// <summary>Where a data page lies: its header's place in the file, its size with the header, and its first row in the row group.</summary>
public readonly record struct PageLocation(long Offset, int SizeBytes, long FirstRow);

/// <summary>OffsetIndex of parquet.thrift.</summary>
internal static class OffsetIndex
{
    public static PageLocation[] Read(ReadOnlySpan<byte> bytes, string subject)
    {
        var reader = new ThriftCompactReader(bytes, subject);
        PageLocation[]? pages = null;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            if (field != 1)
            {
                reader.Skip(type);
                continue;
            }

            var count = reader.ReadListHeader(type, ThriftType.Struct);
            if (count > ParquetLimits.MaxPagesPerChunk)
                ParquetFormatException.Throw($"{subject}: {count} pages; the limit is {ParquetLimits.MaxPagesPerChunk}.");
            pages = new PageLocation[count];
            for (var i = 0; i < count; i++) pages[i] = ReadLocation(ref reader);
        }

        return pages ?? ParquetFormatException.Throw<PageLocation[]>($"{subject}: no page locations.");
    }

    public static void Write(ThriftCompactWriter writer, ReadOnlySpan<PageLocation> pages)
    {
        writer.Clear();
        writer.BeginList(1, ThriftType.Struct, pages.Length);
        foreach (var page in pages)
        {
            writer.BeginStructElement();
            writer.WriteI64(1, page.Offset);
            writer.WriteI32(2, page.SizeBytes);
            writer.WriteI64(3, page.FirstRow);
            writer.EndStruct();
        }

        writer.EndStruct();
    }

    private static PageLocation ReadLocation(ref ThriftCompactReader reader)
    {
        long offset = -1, firstRow = -1;
        var size = -1;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: offset = reader.ReadI64(type); break;
                case 2: size = reader.ReadI32(type); break;
                case 3: firstRow = reader.ReadI64(type); break;
                default: reader.Skip(type); break;
            }
        }

        return new PageLocation(offset, size, firstRow);
    }
}
