namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// 256 entities in flat arrays: one array a fact and, for buckets and exemplars, one row an entity. Growing a table adds a
/// chunk and moves nothing, so no span ever waits for a copy.
/// <para>
/// The keys lie one behind the other in <see cref="_keys"/>; a removed one leaves a hole, and when holes are the larger
/// part the keys are packed.
/// </para>
/// </summary>
internal sealed class SeriesChunk
{
    public const int Size = 1 << SizeBits;
    public const int SizeBits = 8;

    public readonly ulong[] Hash = new ulong[Size];
    public readonly long[] UpdatedUnixMs = new long[Size];

    /// <summary>Bit c: the entity has a value in column c.</summary>
    public readonly byte[] Touched = new byte[Size];

    /// <summary>Bit c: the value has not been collected yet, so its series begins with a zero.</summary>
    public readonly byte[] Fresh = new byte[Size];
    public readonly bool[] IsUsed = new bool[Size];
    public readonly ColumnChunk[] Columns;

    private readonly int[] _keyStart = new int[Size];
    private readonly int[] _keyLength = new int[Size];
    private byte[] _keys = new byte[Size * 32];
    private int _keysLength;
    private int _holesBytes;

    public SeriesChunk(SeriesSchema schema, bool withExemplars) =>
        Columns = [.. schema.Columns.Select(column => new ColumnChunk(column, withExemplars))];

    public ReadOnlySpan<byte> Key(int row) => _keys.AsSpan(_keyStart[row], _keyLength[row]);

    public void SetKey(int row, ReadOnlySpan<byte> key)
    {
        if (_keysLength + key.Length > _keys.Length)
        {
            if (_holesBytes > _keysLength / 2) PackKeys();
            if (_keysLength + key.Length > _keys.Length) Array.Resize(ref _keys, Math.Max(_keysLength + key.Length, _keys.Length * 2));
        }

        key.CopyTo(_keys.AsSpan(_keysLength));
        (_keyStart[row], _keyLength[row]) = (_keysLength, key.Length);
        _keysLength += key.Length;
    }

    public void Clear(int row)
    {
        _holesBytes += _keyLength[row];
        _keyLength[row] = 0;
        IsUsed[row] = false;
        Touched[row] = Fresh[row] = 0;
        foreach (var column in Columns) column.Clear(row);
    }

    private void PackKeys()
    {
        var packed = new byte[_keys.Length];
        var length = 0;
        for (var row = 0; row < Size; row++)
        {
            Key(row).CopyTo(packed.AsSpan(length));
            _keyStart[row] = length;
            length += _keyLength[row];
        }

        (_keys, _keysLength, _holesBytes) = (packed, length, 0);
    }
}

/// <summary>The values of one metric for the entities of a chunk.</summary>
internal sealed class ColumnChunk
{
    private readonly int _bucketCount;

    /// <summary>Counter, gauge, or the sum of a histogram.</summary>
    public readonly double[] Value = new double[SeriesChunk.Size];

    /// <summary>Not cumulative; the last of each row is +Inf.</summary>
    public readonly double[] Buckets;

    /// <summary>A row has as many as it has buckets; empty without exemplars.</summary>
    public readonly Exemplar[] Exemplars;
    public readonly NativeHistogram?[] Native;

    public ColumnChunk(MetricColumn column, bool withExemplars)
    {
        _bucketCount = column.Kind == MetricKind.Histogram ? column.Bounds.Length + 1 : 0;
        Buckets = column.IsClassic ? new double[SeriesChunk.Size * _bucketCount] : [];
        Exemplars = withExemplars && _bucketCount > 0 ? new Exemplar[SeriesChunk.Size * _bucketCount] : [];
        Native = column.IsNative ? new NativeHistogram?[SeriesChunk.Size] : [];
    }

    public ReadOnlySpan<double> BucketsOf(int row) => Buckets.Length == 0 ? [] : Buckets.AsSpan(row * _bucketCount, _bucketCount);

    public ReadOnlySpan<Exemplar> ExemplarsOf(int row) => Exemplars.Length == 0 ? [] : Exemplars.AsSpan(row * _bucketCount, _bucketCount);

    public void Clear(int row)
    {
        Value[row] = 0;
        if (Buckets.Length > 0) Buckets.AsSpan(row * _bucketCount, _bucketCount).Clear();
        if (Exemplars.Length > 0) Exemplars.AsSpan(row * _bucketCount, _bucketCount).Clear();
        if (Native.Length > 0) Native[row] = null;
    }
}
