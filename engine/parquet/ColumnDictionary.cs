namespace Tempo.Engine.Parquet;

/// <summary>
/// The dictionary of a chunk, in the array of its physical type; the others are empty. Not to be changed: readers share it.
/// </summary>
public sealed class ColumnDictionary
{
    internal ColumnDictionary(int count) => Count = count;

    /// <summary>Number of entries.</summary>
    public int Count { get; }

    /// <summary>Memory that it takes.</summary>
    public long SizeBytes => Strings.AllocatedBytes + 4L * Int32s.Length + 8L * (Int64s.Length + Doubles.Length);

    /// <summary>BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY and INT96.</summary>
    public ByteArrayTable Strings { get; } = new();

    public int[] Int32s { get; internal init; } = [];

    public long[] Int64s { get; internal init; } = [];

    /// <summary>DOUBLE, and FLOAT widened.</summary>
    public double[] Doubles { get; internal init; } = [];
}
