using System.Buffers.Binary;

namespace Tempo.Engine.Parquet;

/// <summary>Collects the page bounds of a chunk being written and makes its column index and statistics of them.</summary>
internal sealed class ChunkBounds(ParquetColumn column)
{
    private readonly List<byte[]> _min = [];
    private readonly List<byte[]> _max = [];
    private readonly List<bool> _nullPages = [];
    private readonly List<long> _nullCounts = [];
    private bool _isComplete = true;

    /// <summary>
    /// Adds a page. <paramref name="min"/> or <paramref name="max"/> null, or empty though there are numbers: this page has no
    /// bounds.
    /// </summary>
    public void Add(byte[]? min, byte[]? max, int valueCount, int nullCount)
    {
        if (valueCount == 0) min = max = [];
        // A page of empty strings has empty bounds; a number never has.
        else if (min is null || max is null || (min.Length == 0 && column.Type != PhysicalType.ByteArray)) _isComplete = false;
        _min.Add(min ?? []);
        _max.Add(max ?? []);
        _nullPages.Add(valueCount == 0);
        _nullCounts.Add(nullCount);
    }

    /// <summary>The column index, or null if not every page has bounds.</summary>
    public ColumnIndex? BuildIndex() => !_isComplete || _min.Count == 0
        ? null
        : new ColumnIndex
        {
            NullPages = [.. _nullPages],
            MinValues = [.. _min],
            MaxValues = [.. _max],
            NullCounts = [.. _nullCounts],
            Order = FindOrder(),
        };

    public ColumnStatistics BuildStatistics()
    {
        byte[]? min = null, max = null;
        for (var i = 0; i < _min.Count && _isComplete; i++)
        {
            if (_nullPages[i]) continue;
            if (min is null || Compare(_min[i], min) < 0) min = _min[i];
            if (max is null || Compare(_max[i], max) > 0) max = _max[i];
        }

        return new ColumnStatistics { Min = min, Max = max, NullCount = _nullCounts.Sum() };
    }

    private BoundaryOrder FindOrder()
    {
        bool ascending = true, descending = true;
        var previous = -1;
        for (var i = 0; i < _min.Count; i++)
        {
            if (_nullPages[i]) continue;
            if (previous >= 0)
            {
                var min = Compare(_min[previous], _min[i]);
                var max = Compare(_max[previous], _max[i]);
                ascending &= min <= 0 && max <= 0;
                descending &= min >= 0 && max >= 0;
            }

            previous = i;
        }

        return ascending ? BoundaryOrder.Ascending : descending ? BoundaryOrder.Descending : BoundaryOrder.Unordered;
    }

    private int Compare(byte[] x, byte[] y) => (column.Type, column.Node.IsUnsigned) switch
    {
        (PhysicalType.Int32, false) => BinaryPrimitives.ReadInt32LittleEndian(x).CompareTo(BinaryPrimitives.ReadInt32LittleEndian(y)),
        (PhysicalType.Int32, true) => BinaryPrimitives.ReadUInt32LittleEndian(x).CompareTo(BinaryPrimitives.ReadUInt32LittleEndian(y)),
        (PhysicalType.Int64, false) => BinaryPrimitives.ReadInt64LittleEndian(x).CompareTo(BinaryPrimitives.ReadInt64LittleEndian(y)),
        (PhysicalType.Int64, true) => BinaryPrimitives.ReadUInt64LittleEndian(x).CompareTo(BinaryPrimitives.ReadUInt64LittleEndian(y)),
        (PhysicalType.Double, _) => BinaryPrimitives.ReadDoubleLittleEndian(x).CompareTo(BinaryPrimitives.ReadDoubleLittleEndian(y)),
        _ => x.AsSpan().SequenceCompareTo(y),
    };
}
