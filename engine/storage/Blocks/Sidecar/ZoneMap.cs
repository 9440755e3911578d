using System.Buffers.Binary;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>What the spans of some rows (a page, or a row group) lie between, inclusive. Times in unix nanoseconds.</summary>
public readonly record struct ZoneMap
{
    /// <summary>Traces.</summary>
    public required long RowCount { get; init; }
    public required long SpanCount { get; init; }
    public required ulong MinStartUnixNano { get; init; }
    public required ulong MaxStartUnixNano { get; init; }

    /// <summary>End of the last span to end: with <see cref="MinStartUnixNano"/> what the traces lie between.</summary>
    public required ulong MaxEndUnixNano { get; init; }
    public required ulong MinDurationNano { get; init; }
    public required ulong MaxDurationNano { get; init; }

    /// <summary>Of no rows.</summary>
    internal static ZoneMap Empty => new()
    {
        RowCount = 0,
        SpanCount = 0,
        MinStartUnixNano = ulong.MaxValue,
        MaxStartUnixNano = 0,
        MaxEndUnixNano = 0,
        MinDurationNano = ulong.MaxValue,
        MaxDurationNano = 0,
    };

    /// <summary>Of the rows of both.</summary>
    internal ZoneMap With(in ZoneMap other) => new()
    {
        RowCount = RowCount + other.RowCount,
        SpanCount = SpanCount + other.SpanCount,
        MinStartUnixNano = Math.Min(MinStartUnixNano, other.MinStartUnixNano),
        MaxStartUnixNano = Math.Max(MaxStartUnixNano, other.MaxStartUnixNano),
        MaxEndUnixNano = Math.Max(MaxEndUnixNano, other.MaxEndUnixNano),
        MinDurationNano = Math.Min(MinDurationNano, other.MinDurationNano),
        MaxDurationNano = Math.Max(MaxDurationNano, other.MaxDurationNano),
    };

    internal void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)RowCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], (uint)SpanCount);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], MinStartUnixNano);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], MaxStartUnixNano);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], MaxEndUnixNano);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[32..], MinDurationNano);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[40..], MaxDurationNano);
    }

    internal static ZoneMap Read(ReadOnlySpan<byte> source) => new()
    {
        RowCount = BinaryPrimitives.ReadUInt32LittleEndian(source),
        SpanCount = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
        MinStartUnixNano = BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
        MaxStartUnixNano = BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
        MaxEndUnixNano = BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
        MinDurationNano = BinaryPrimitives.ReadUInt64LittleEndian(source[32..]),
        MaxDurationNano = BinaryPrimitives.ReadUInt64LittleEndian(source[40..]),
    };
}
