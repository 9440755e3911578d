namespace Tempo.Engine.Parquet;

// One method for each way the values of a page can be stored. All take the values that are there, without the nulls.
public sealed partial class ColumnChunkWriter
{
    /// <summary>A page of INT32 in PLAIN encoding.</summary>
    public void WritePlain(in PageLevels levels, ReadOnlySpan<int> values)
    {
        Expect(PhysicalType.Int32);
        BeginPage(levels, values.Length);
        PlainEncoder.Encode(values, _page);
        EndPage(levels, PageEncoding.Plain, values);
    }

    /// <summary>A page of INT64 in PLAIN encoding.</summary>
    public void WritePlain(in PageLevels levels, ReadOnlySpan<long> values)
    {
        Expect(PhysicalType.Int64);
        BeginPage(levels, values.Length);
        PlainEncoder.Encode(values, _page);
        EndPage(levels, PageEncoding.Plain, values);
    }

    /// <summary>A page of DOUBLE in PLAIN encoding.</summary>
    public void WritePlain(in PageLevels levels, ReadOnlySpan<double> values)
    {
        Expect(PhysicalType.Double);
        BeginPage(levels, values.Length);
        PlainEncoder.Encode(values, _page);
        var (min, max) = HasNumericBounds ? NumericBounds.Of(values) : (null, null);
        EndPage(levels, PageEncoding.Plain, min, max);
    }

    /// <summary>A page of BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY in PLAIN encoding.</summary>
    public void WritePlain(in PageLevels levels, ByteArrayValues values)
    {
        BeginPage(levels, values.Count);
        if (Column.Type == PhysicalType.FixedLenByteArray)
        {
            ExpectFixedLength(values);
            PlainEncoder.EncodeBytes(values, _page);
        }
        else
        {
            Expect(PhysicalType.ByteArray);
            PlainEncoder.EncodeByteArrays(values, _page);
        }

        EndPage(levels, PageEncoding.Plain, values);
    }

    /// <summary>
    /// A page of BOOLEAN in PLAIN encoding; one byte a value, 0 is false. (RLE is not offered: Tempo reads it wrongly without an
    /// error.)
    /// </summary>
    public void WriteBooleans(in PageLevels levels, ReadOnlySpan<byte> values)
    {
        Expect(PhysicalType.Boolean);
        BeginPage(levels, values.Length);
        PlainEncoder.EncodeBooleans(values, _page);
        EndPage(levels, PageEncoding.Plain, null, null);
    }

    /// <summary>A page of INT32 in DELTA_BINARY_PACKED encoding.</summary>
    public void WriteDelta(in PageLevels levels, ReadOnlySpan<int> values)
    {
        Expect(PhysicalType.Int32);
        BeginPage(levels, values.Length);
        DeltaBinaryPackedEncoder.Encode(values, _page);
        EndPage(levels, PageEncoding.DeltaBinaryPacked, values);
    }

    /// <summary>A page of INT64 in DELTA_BINARY_PACKED encoding.</summary>
    public void WriteDelta(in PageLevels levels, ReadOnlySpan<long> values)
    {
        Expect(PhysicalType.Int64);
        BeginPage(levels, values.Length);
        DeltaBinaryPackedEncoder.Encode(values, _page);
        EndPage(levels, PageEncoding.DeltaBinaryPacked, values);
    }

    /// <summary>A page of BYTE_ARRAY in DELTA_LENGTH_BYTE_ARRAY encoding: all lengths, then all bytes.</summary>
    public void WriteDeltaLength(in PageLevels levels, ByteArrayValues values)
    {
        Expect(PhysicalType.ByteArray);
        BeginPage(levels, values.Count);
        DeltaByteArrayEncoder.EncodeLengths(values, _page);
        EndPage(levels, PageEncoding.DeltaLengthByteArray, values);
    }

    /// <summary>
    /// A page of BYTE_ARRAY in DELTA_BYTE_ARRAY encoding: each string without the prefix it shares with the one before. For sorted
    /// strings.
    /// </summary>
    public void WriteDeltaPrefix(in PageLevels levels, ByteArrayValues values)
    {
        Expect(PhysicalType.ByteArray);
        BeginPage(levels, values.Count);
        DeltaByteArrayEncoder.EncodePrefixes(values, _page);
        EndPage(levels, PageEncoding.DeltaByteArray, values);
    }

    private bool HasNumericBounds => _options.Bounds != BoundsPolicy.None;

    private void EndPage(in PageLevels levels, PageEncoding encoding, ReadOnlySpan<int> values)
    {
        var (min, max) = HasNumericBounds ? NumericBounds.Of(values, Column.Node.IsUnsigned) : (null, null);
        EndPage(levels, encoding, min, max);
    }

    private void EndPage(in PageLevels levels, PageEncoding encoding, ReadOnlySpan<long> values)
    {
        var (min, max) = HasNumericBounds ? NumericBounds.Of(values, Column.Node.IsUnsigned) : (null, null);
        EndPage(levels, encoding, min, max);
    }

    private void EndPage(in PageLevels levels, PageEncoding encoding, ByteArrayValues values)
    {
        var (min, max) = _options.Bounds == BoundsPolicy.All ? ByteArrayBounds.Of(values) : (null, null);
        EndPage(levels, encoding, min, max);
    }

    private void Expect(PhysicalType type)
    {
        if (Column.Type != type) throw new ArgumentException($"Column '{Column.Path}' is {Column.Type}, not {type}.");
    }

    private void ExpectFixedLength(ByteArrayValues values)
    {
        var width = Column.Node.TypeLengthBytes;
        if (values.FixedWidthBytes == width) return;
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i].Length != width)
                throw new ArgumentException($"Column '{Column.Path}': a value of {values[i].Length} bytes where all have {width}.");
        }
    }
}
