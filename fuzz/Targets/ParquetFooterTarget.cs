using Tempo.Engine.Parquet;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The thrift structures of a Parquet file: first byte, modulo 4, the footer, a page header, an offset index, a column index. Holds:
/// an answer or a <see cref="ParquetFormatException"/>, the same each time; what a header and a footer say lies within bounds.
/// </summary>
internal sealed class ParquetFooterTarget : IFuzzTarget
{
    private const long DataEnd = 1 << 20;

    public string Name => "parquet-footer";

    public IReadOnlyList<byte[]> Dictionary { get; } = [[0x15, 0x02], [0x19, 0x1C], [0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0x7F], [0x18, 0x03],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x1C, 0x1C, 0x1C, 0x1C], "rs"u8.ToArray()];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        var first = Read(input[0] % 4, input[1..]);
        Oracle.Holds(first == Read(input[0] % 4, input[1..]), "the same bytes say the same");
    }

    private static string Read(int kind, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return kind switch
            {
                0 => Footer(FileMetaData.Read(bytes, DataEnd)),
                1 => Header(bytes),
                2 => string.Join(' ', OffsetIndex.Read(bytes, "offset index")),
                _ => $"{ColumnIndex.Read(bytes, "column index").PageCount}",
            };
        }
        catch (ParquetFormatException e)
        {
            return e.Message;
        }
    }

    private static string Footer(FileMetaData footer)
    {
        foreach (var group in footer.RowGroups)
        {
            Oracle.Holds(group.Columns.Count == footer.Schema.Columns.Count, "a row group has a chunk for each leaf");
            foreach (var chunk in group.Columns)
                Oracle.Holds(chunk.StartOffset >= 0 && chunk.CompressedSizeBytes >= 0
                    && chunk.CompressedSizeBytes <= DataEnd - chunk.StartOffset, "a chunk lies within the file");
        }

        foreach (var column in footer.Schema.Columns)
            Oracle.Holds(column.MaxDefinitionLevel <= ParquetLimits.MaxSchemaDepth, "levels are bounded by the depth");
        return $"{footer.RowCount} {footer.RowGroups.Count} {string.Join(' ', footer.Schema.Columns)}";
    }

    private static string Header(ReadOnlySpan<byte> bytes)
    {
        var header = PageHeader.Read(bytes, "page header", out var sizeBytes);
        Oracle.Holds(sizeBytes > 0 && sizeBytes <= bytes.Length, "a header lies within its bytes");
        Oracle.Holds(header.CompressedSizeBytes >= 0 && header.UncompressedSizeBytes is >= 0 and <= ParquetLimits.MaxPageBytes,
            "a page's sizes are bounded");
        Oracle.Holds(
            header.Type == PageType.Index || header.ValueCount is >= 0 and <= ParquetLimits.MaxPageLevels, "a page's values are bounded");
        return $"{header.Type} {header.ValueCount} {header.Encoding} {header.CompressedSizeBytes} {header.UncompressedSizeBytes} {sizeBytes}";
    }
}
