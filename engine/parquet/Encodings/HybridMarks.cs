using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Marks among levels or dictionary indices that are still encoded: bit i % 64 of word i / 64 for number i; bits behind the last one
/// are 0. False where the runs are malformed.
/// </summary>
public static class HybridMarks
{
    /// <summary>The levels that are <paramref name="level"/> or higher; false also if one is above <paramref name="maxLevel"/>.</summary>
    public static bool TryMarkLevels(ReadOnlySpan<byte> encoded, int maxLevel, int level, int count, Span<ulong> marks) =>
        TryMarkLevels(UnpackChoice.Current, encoded, maxLevel, level, count, marks);

    internal static bool TryMarkLevels(UnpackKind kind, ReadOnlySpan<byte> encoded, int maxLevel, int level, int count, Span<ulong> marks)
    {
        marks.Clear();
        var sink = new BitSink(marks);
        var width = BitWidth.Of(maxLevel);
        byte max = 0;
        var runs = new HybridRuns(encoded, width, count);
        Span<byte> padded = stackalloc byte[PackedMarks.BytesRead(8)];
        while (runs.MoveNext())
        {
            if (runs.IsRepeated)
            {
                if (runs.Value > (uint)maxLevel) return false;
                sink.Append(runs.Value >= (uint)level, runs.Count);
                // Where one is short most are.
                while (runs.TryTakeShort(out var value, out var length))
                {
                    max = Math.Max(max, value);
                    sink.AppendShort(value >= level, length);
                }

                continue;
            }

            var packed = runs.Packed;
            for (var done = 0; done < runs.Count; done += 64)
            {
                ref var source = ref Take(packed[(done / 8 * width)..], width, runs.Count - done, padded);
                var found = PackedMarks.AtLeast(kind, ref source, width, (byte)level, ref max);
                AppendCut(ref sink, found, runs.Count - done);
            }
        }

        return runs.IsAtEnd && max <= maxLevel;
    }

    /// <summary>
    /// The values of a page of dictionary indices (width of an index in bits u8, then the hybrid runs) whose index is
    /// <paramref name="index"/>.
    /// </summary>
    public static bool TryMarkIndex(ReadOnlySpan<byte> values, int index, int count, Span<ulong> marks) =>
        TryMarkIndex(UnpackChoice.Current, values, index, count, marks);

    internal static bool TryMarkIndex(UnpackKind kind, ReadOnlySpan<byte> values, int index, int count, Span<ulong> marks)
    {
        marks.Clear();
        if (count == 0) return true;
        if (values.IsEmpty || values[0] > 32) return false;
        var width = values[0];
        var sink = new BitSink(marks);
        if (width == 0)
        {
            sink.Append(index == 0, count);
            return true;
        }

        var isPossible = width == 32 || (uint)index < 1u << width;
        var runs = new HybridRuns(values[1..], width, count);
        Span<byte> padded = stackalloc byte[PackedMarks.MaxBytesRead];
        while (runs.MoveNext())
        {
            if (runs.IsRepeated || !isPossible)
            {
                sink.Append(runs.IsRepeated && runs.Value == (uint)index, runs.Count);
                continue;
            }

            var packed = runs.Packed;
            for (var done = 0; done < runs.Count; done += 64)
            {
                ref var source = ref Take(packed[(done / 8 * width)..], width, runs.Count - done, padded);
                AppendCut(ref sink, PackedMarks.Equal(kind, ref source, width, (uint)index), runs.Count - done);
            }
        }

        return runs.IsAtEnd;
    }

    // 64 numbers with the bytes that may be read behind them; where the source ends before, or fewer numbers are left, a copy of those
    // with zeros behind.
    private static ref byte Take(ReadOnlySpan<byte> source, int width, int left, Span<byte> padded)
    {
        if (left >= 64 && source.Length >= PackedMarks.BytesRead(width)) return ref MemoryMarshal.GetReference(source);
        var bytes = (int)Math.Min(((long)Math.Min(left, 64) * width + 7) / 8, source.Length);
        padded.Clear();
        source[..bytes].CopyTo(padded);
        // Bits behind the last number may be anything.
        var spare = bytes * 8 - Math.Min(left, 64) * width;
        if (spare is > 0 and < 8) padded[bytes - 1] &= (byte)(0xFF >> spare);
        return ref MemoryMarshal.GetReference(padded);
    }

    private static void AppendCut(ref BitSink sink, ulong marks, int left) =>
        sink.Append(left >= 64 ? marks : marks & ((1UL << left) - 1), Math.Min(left, 64));
}
