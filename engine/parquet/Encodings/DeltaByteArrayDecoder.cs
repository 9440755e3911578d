using System.Buffers;

namespace Tempo.Engine.Parquet;

/// <summary>Decodes the two delta encodings of byte strings; see <see cref="DeltaByteArrayEncoder"/> for the layouts.</summary>
internal static class DeltaByteArrayDecoder
{
    /// <summary>
    /// DELTA_LENGTH_BYTE_ARRAY of <paramref name="total"/> strings: adds <paramref name="count"/> of them to the table after
    /// passing over <paramref name="skip"/>. False if malformed.
    /// </summary>
    public static bool TryDecodeLengths(ReadOnlySpan<byte> source, int total, int skip, int count, ByteArrayTable table)
    {
        if (!DeltaBinaryPackedDecoder.CanHold(source, total)) return false;
        var lengths = ArrayPool<int>.Shared.Rent(total);
        try
        {
            return DeltaBinaryPackedDecoder.TryDecode(source, lengths.AsSpan(0, total), out var consumed)
                && TryAppend(source[consumed..], lengths.AsSpan(0, total), skip, count, table);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(lengths);
        }
    }

    /// <summary>
    /// DELTA_BYTE_ARRAY of <paramref name="total"/> strings. All are added to the table, as each builds on the one before.
    /// False if malformed, or if they come to more than <see cref="ParquetLimits.MaxPageBytes"/>: the prefixes are claims, so
    /// a small page could stand for any amount.
    /// </summary>
    public static bool TryDecodePrefixes(ReadOnlySpan<byte> source, int total, ByteArrayTable table)
    {
        if (!DeltaBinaryPackedDecoder.CanHold(source, total)) return false;
        var prefixes = ArrayPool<int>.Shared.Rent(total);
        var suffixes = ArrayPool<int>.Shared.Rent(total);
        try
        {
            if (!DeltaBinaryPackedDecoder.TryDecode(source, prefixes.AsSpan(0, total), out var consumed)) return false;
            source = source[consumed..];
            if (!DeltaBinaryPackedDecoder.TryDecode(source, suffixes.AsSpan(0, total), out consumed)) return false;
            return TryJoin(source[consumed..], prefixes.AsSpan(0, total), suffixes.AsSpan(0, total), table);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(prefixes);
            ArrayPool<int>.Shared.Return(suffixes);
        }
    }

    private static bool TryAppend(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> lengths, int skip, int count, ByteArrayTable table)
    {
        if (!TrySum(lengths[..skip], bytes.Length, out var skipped)) return false;
        bytes = bytes[skipped..];
        lengths = lengths.Slice(skip, count);
        if (!TrySum(lengths, bytes.Length, out var size)) return false;
        var end = table.SizeBytes;
        table.Prepare(count, size, out var endOffsets, out var target);
        bytes[..size].CopyTo(target);
        for (var i = 0; i < endOffsets.Length; i++) endOffsets[i] = end += lengths[i];
        table.Commit(count);
        return true;
    }

    /// <summary>Sum of lengths that must not be negative nor pass <paramref name="limit"/>.</summary>
    private static bool TrySum(ReadOnlySpan<int> lengths, int limit, out int sum)
    {
        sum = 0;
        foreach (var length in lengths)
        {
            if ((uint)length > (uint)(limit - sum)) return false;
            sum += length;
        }

        return true;
    }

    private static bool TryJoin(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> prefixes, ReadOnlySpan<int> suffixes, ByteArrayTable table)
    {
        if (!TryMeasure(bytes.Length, prefixes, suffixes, out var size)) return false;
        var start = table.SizeBytes;
        table.Prepare(prefixes.Length, size, out var endOffsets, out var target);
        var end = 0;
        var previous = 0;
        for (var i = 0; i < endOffsets.Length; i++)
        {
            target.Slice(previous, prefixes[i]).CopyTo(target[end..]);
            previous = end;
            end += prefixes[i];
            bytes[..suffixes[i]].CopyTo(target[end..]);
            bytes = bytes[suffixes[i]..];
            end += suffixes[i];
            endOffsets[i] = start + end;
        }

        table.Commit(prefixes.Length);
        return true;
    }

    /// <summary>
    /// Checks all lengths before anything is allocated: suffixes lie in the bytes, a prefix is no longer than the string before.
    /// </summary>
    private static bool TryMeasure(int byteCount, ReadOnlySpan<int> prefixes, ReadOnlySpan<int> suffixes, out int size)
    {
        size = 0;
        long total = 0;
        var previous = 0;
        for (var i = 0; i < prefixes.Length; i++)
        {
            if ((uint)prefixes[i] > (uint)previous || (uint)suffixes[i] > (uint)byteCount) return false;
            byteCount -= suffixes[i];
            previous = prefixes[i] + suffixes[i];
            total += previous;
            if (total > ParquetLimits.MaxPageBytes) return false;
        }

        size = (int)total;
        return true;
    }
}
