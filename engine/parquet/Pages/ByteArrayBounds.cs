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

        return (Cut(min), RoundUp(max));
    }

    /// <summary>The same of the marked ones alone.</summary>
    public static (byte[] Min, byte[]? Max) Of(ByteArrayValues values, ReadOnlySpan<bool> isUsed)
    {
        var first = isUsed.IndexOf(true);
        if (first < 0) return ([], []);
        var min = values[first];
        var max = min;
        for (var i = first + 1; i < isUsed.Length; i++)
        {
            if (!isUsed[i]) continue;
            var value = values[i];
            if (value.SequenceCompareTo(min) < 0) min = value;
            if (value.SequenceCompareTo(max) > 0) max = value;
        }

        return (Cut(min), RoundUp(max));
    }

    private static byte[] Cut(ReadOnlySpan<byte> value) => value[..Math.Min(value.Length, ParquetLimits.MaxWrittenBoundBytes)].ToArray();

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
