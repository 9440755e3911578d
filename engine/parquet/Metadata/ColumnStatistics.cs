namespace Tempo.Engine.Parquet;

/// <summary>
/// Statistics of a chunk: bounds in PLAIN form of the physical type (numbers little-endian; byte strings bare), null where unknown.
/// Byte-string bounds may be cut, so that the minimum is at most, and the maximum at least, the true one.
/// </summary>
public sealed class ColumnStatistics
{
    public byte[]? Min { get; init; }

    public byte[]? Max { get; init; }

    /// <summary>Entries without a value; -1 if not known.</summary>
    public long NullCount { get; init; } = -1;

    internal static ColumnStatistics Read(ref ThriftCompactReader reader)
    {
        byte[]? min = null, max = null;
        long nulls = -1;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                // Fields 1 and 2 are the old bounds, whose order is not defined: not read.
                case 3: nulls = reader.ReadI64(type); break;
                case 5: max = reader.ReadBinary(type).ToArray(); break;
                case 6: min = reader.ReadBinary(type).ToArray(); break;
                default: reader.Skip(type); break;
            }
        }

        return new ColumnStatistics { Min = min, Max = max, NullCount = nulls };
    }

    internal void Write(ThriftCompactWriter writer, short field)
    {
        writer.BeginStruct(field);
        if (NullCount >= 0) writer.WriteI64(3, NullCount);
        if (Max is not null) writer.WriteBinary(5, Max);
        if (Min is not null) writer.WriteBinary(6, Min);
        writer.EndStruct();
    }
}
