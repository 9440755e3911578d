namespace Tempo.Engine.Parquet;

/// <summary>
/// Smallest and largest of a page's byte strings, compared byte by byte as unsigned. Longer ones than
/// <see cref="ParquetLimits.MaxWrittenBoundBytes"/> are cut; a cut maximum is rounded up so that it still bounds.
/// </summary>
internal static class ByteArrayBounds
{
    /// <summary>Null for a maximum that cannot be cut (all 0xFF).</summary>
    public static (byte[] Min, byte[]? Max) Of(ByteArrayValues values)
    {
        if (values.Count == 0) return ([], []);
        var min = values[0];
        var max = min;
        for (var i = 1; i < values.Count; i++)
        {
            var value = values[i];
            if (value.SequenceCompareTo(min) < 0) min = value;
            if (value.SequenceCompareTo(max) > 0) max = value;
        }

        return (min[..Math.Min(min.Length, ParquetLimits.MaxWrittenBoundBytes)].ToArray(), RoundUp(max));
    }

    private static byte[]? RoundUp(ReadOnlySpan<byte> value)
    {
        if (value.Length <= ParquetLimits.MaxWrittenBoundBytes) return value.ToArray();
        var cut = value[..ParquetLimits.MaxWrittenBoundBytes].ToArray();
        var last = cut.AsSpan().LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0) return null;
        cut[last]++;
        return cut[..(last + 1)];
    }
}
