namespace Tempo.Engine.Parquet;

/// <summary>
/// ColumnIndex of parquet.thrift: bounds of each data page, in page order. Bounds are in PLAIN form as in
/// <see cref="ColumnStatistics"/>; those of a page without values are empty and mean nothing.
/// </summary>
public sealed class ColumnIndex
{
    /// <summary>True for pages that hold no value at all.</summary>
    public required bool[] NullPages { get; init; }

    public required byte[][] MinValues { get; init; }

    public required byte[][] MaxValues { get; init; }

    public BoundaryOrder Order { get; init; }

    /// <summary>Entries without a value in each page; empty if not known.</summary>
    public long[] NullCounts { get; init; } = [];

    public int PageCount => NullPages.Length;

    internal static ColumnIndex Read(ReadOnlySpan<byte> bytes, string subject)
    {
        var reader = new ThriftCompactReader(bytes, subject);
        bool[] nullPages = [];
        byte[][] min = [], max = [];
        long[] nullCounts = [];
        var order = BoundaryOrder.Unordered;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    nullPages = new bool[ReadCount(ref reader, type, ThriftType.True, subject)];
                    for (var i = 0; i < nullPages.Length; i++) nullPages[i] = reader.ReadBoolElement();
                    break;
                case 2: min = ReadBounds(ref reader, type, subject); break;
                case 3: max = ReadBounds(ref reader, type, subject); break;
                case 4: order = (BoundaryOrder)reader.ReadI32(type); break;
                case 5:
                    nullCounts = new long[ReadCount(ref reader, type, ThriftType.I64, subject)];
                    for (var i = 0; i < nullCounts.Length; i++) nullCounts[i] = reader.ReadI64Element();
                    break;
                default: reader.Skip(type); break;
            }
        }

        if (min.Length != nullPages.Length || max.Length != nullPages.Length
            || (nullCounts.Length != nullPages.Length && nullCounts.Length != 0))
            ParquetFormatException.Throw(
                $"{subject}: {nullPages.Length} pages, but {min.Length} minima, {max.Length} maxima and {nullCounts.Length} null counts.");
        return new ColumnIndex { NullPages = nullPages, MinValues = min, MaxValues = max, Order = order, NullCounts = nullCounts };
    }

    internal void Write(ThriftCompactWriter writer)
    {
        writer.Clear();
        writer.BeginList(1, ThriftType.True, PageCount);
        foreach (var isNull in NullPages) writer.WriteBoolElement(isNull);
        writer.BeginList(2, ThriftType.Binary, PageCount);
        foreach (var bound in MinValues) writer.WriteBinaryElement(bound);
        writer.BeginList(3, ThriftType.Binary, PageCount);
        foreach (var bound in MaxValues) writer.WriteBinaryElement(bound);
        writer.WriteI32(4, (int)Order);
        writer.BeginList(5, ThriftType.I64, NullCounts.Length);
        foreach (var count in NullCounts) writer.WriteI64Element(count);
        writer.EndStruct();
    }

    private static byte[][] ReadBounds(ref ThriftCompactReader reader, ThriftType type, string subject)
    {
        var bounds = new byte[ReadCount(ref reader, type, ThriftType.Binary, subject)][];
        for (var i = 0; i < bounds.Length; i++) bounds[i] = reader.ReadBinaryElement().ToArray();
        return bounds;
    }

    private static int ReadCount(ref ThriftCompactReader reader, ThriftType type, ThriftType elementType, string subject)
    {
        var count = reader.ReadListHeader(type, elementType);
        return count <= ParquetLimits.MaxPagesPerChunk
            ? count
            : ParquetFormatException.Throw<int>($"{subject}: {count} pages; the limit is {ParquetLimits.MaxPagesPerChunk}.");
    }
}
