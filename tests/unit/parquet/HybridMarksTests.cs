using System.Buffers;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

/// <summary>Marks found in encoded levels and indices against those found when they are decoded, for each kernel.</summary>
public sealed class HybridMarksTests
{
    public static TheoryData<UnpackKind> Kinds => [.. UnpackChoice.Supported];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Levels_are_marked_as_if_they_were_decoded(UnpackKind kind)
    {
        var random = new Random(11);
        for (var round = 0; round < 2000; round++)
        {
            var max = random.Next(1, 128);
            var levels = Mixed(random, max + 1).Select(static level => (byte)level).ToArray();
            var output = new ArrayBufferWriter<byte>();
            LevelEncoder.Encode(levels, max, output);
            var level = random.Next(1, max + 1);
            var marks = Filled(levels.Length);
            Assert.True(HybridMarks.TryMarkLevels(kind, output.WrittenSpan, max, level, levels.Length, marks));
            AssertMarks(marks, levels.Length, i => levels[i] >= level, round);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_level_above_the_maximum_is_refused(UnpackKind kind)
    {
        foreach (var count in (int[])[4, 64, 100, 300])
            for (var place = 0; place < count; place += 7)
            {
                var levels = new byte[count];
                levels[place] = 3;
                var output = new ArrayBufferWriter<byte>();
                RleBitPackedHybrid.Encode((ReadOnlySpan<byte>)levels, 2, output);
                Assert.True(HybridMarks.TryMarkLevels(kind, output.WrittenSpan, 3, 1, count, Filled(count)));
                Assert.False(HybridMarks.TryMarkLevels(kind, output.WrittenSpan, 2, 1, count, Filled(count)));
            }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Indices_are_marked_and_read_as_if_they_were_decoded(UnpackKind kind)
    {
        var random = new Random(12);
        for (var round = 0; round < 3000; round++)
        {
            var width = random.Next(1, 32);
            var indices = Mixed(random, width == 31 ? int.MaxValue : 1 << width);
            var values = Encoded(indices, width);
            var index = indices.Length > 0 && random.Next(4) > 0 ? indices[random.Next(indices.Length)] : random.Next();
            var marks = Filled(indices.Length);
            Assert.True(HybridMarks.TryMarkIndex(kind, values, index, indices.Length, marks));
            AssertMarks(marks, indices.Length, i => indices[i] == index, round);
            var cursor = new IndexCursor(values, indices.Length);
            for (var place = random.Next(3); place < indices.Length; place += random.Next(random.Next(2, 100)))
            {
                Assert.True(cursor.TryRead(place, out var read), $"round {round}, place {place}");
                Assert.Equal(indices[place], read);
            }

            Assert.False(cursor.TryRead(indices.Length, out _));
        }
    }

    [Fact]
    public void Indices_of_no_bits_are_all_the_first()
    {
        foreach (var kind in UnpackChoice.Supported)
        {
            var marks = Filled(70);
            Assert.True(HybridMarks.TryMarkIndex(kind, [0], 0, 70, marks));
            AssertMarks(marks, 70, static _ => true, 0);
            Assert.True(HybridMarks.TryMarkIndex(kind, [0], 1, 70, marks));
            AssertMarks(marks, 70, static _ => false, 0);
        }

        var cursor = new IndexCursor([0], 70);
        Assert.True(cursor.TryRead(69, out var index));
        Assert.Equal(0, index);
        Assert.False(cursor.TryRead(70, out _));
        Assert.False(new IndexCursor([], 1).TryRead(0, out _));
        Assert.False(new IndexCursor([33, 2, 1], 1).TryRead(0, out _));
    }

    /// <summary>Whatever the bytes are: no exception, all kernels say the same, and what is said to be sound decodes to it.</summary>
    [Fact]
    public void Damaged_runs_are_refused_by_all_alike()
    {
        var random = new Random(13);
        var refused = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            if (bytes.Length > 0 && random.Next(2) == 0) bytes[0] %= 33;
            var count = random.Next(1, 400);
            var max = random.Next(1, 8);
            var level = random.Next(1, max + 1);
            var index = random.Next(8);
            var (expected, expectedIndices) = (Filled(count), Filled(count));
            var isSound = HybridMarks.TryMarkLevels(UnpackKind.Scalar, bytes, max, level, count, expected);
            var isSoundIndex = HybridMarks.TryMarkIndex(UnpackKind.Scalar, bytes, index, count, expectedIndices);
            if (!isSound) refused++;
            var levels = new byte[count];
            Assert.Equal(LevelDecoder.TryDecode(bytes, max, levels, out _), isSound);
            if (isSound) AssertMarks(expected, count, i => levels[i] >= level, round);
            var indices = new int[count];
            if (bytes.Length > 0 && bytes[0] is > 0 and <= 32)
                Assert.Equal(RleBitPackedHybrid.TryDecode(bytes.AsSpan(1), bytes[0], indices, out _), isSoundIndex);
            foreach (var kind in UnpackChoice.Supported)
            {
                var marks = Filled(count);
                Assert.Equal(isSound, HybridMarks.TryMarkLevels(kind, bytes, max, level, count, marks));
                if (isSound) Assert.Equal(expected, marks);
                marks = Filled(count);
                Assert.Equal(isSoundIndex, HybridMarks.TryMarkIndex(kind, bytes, index, count, marks));
                if (isSoundIndex) Assert.Equal(expectedIndices, marks);
            }

            if (!isSoundIndex) continue;
            var cursor = new IndexCursor(bytes, count);
            for (var place = 0; place < count; place += 3)
            {
                Assert.True(cursor.TryRead(place, out var read));
                if (bytes[0] > 0) Assert.Equal(indices[place], read);
            }
        }

        Assert.InRange(refused, 1000, 19_900);
    }

    [Fact]
    public void A_kernel_is_forced_by_its_name()
    {
        Assert.Equal(UnpackKind.Scalar, UnpackChoice.Pick("scalar"));
        Assert.Equal(UnpackChoice.Supported[0], UnpackChoice.Pick(null));
        Assert.Equal(UnpackChoice.Supported[0], UnpackChoice.Pick("no such thing"));
    }

    private static byte[] Encoded(int[] indices, int width)
    {
        var output = new ArrayBufferWriter<byte>();
        output.GetSpan(1)[0] = (byte)width;
        output.Advance(1);
        RleBitPackedHybrid.Encode(indices, width, output);
        return output.WrittenSpan.ToArray();
    }

    private static ulong[] Filled(int count) => [.. Enumerable.Repeat(ulong.MaxValue, (count + 63) / 64)];

    private static void AssertMarks(ulong[] marks, int count, Func<int, bool> holds, int round)
    {
        for (var i = 0; i < marks.Length * 64; i++)
            Assert.True((i < count && holds(i)) == ((marks[i / 64] >> i & 1) != 0), $"round {round}, number {i} of {count}");
    }

    // Runs of equal numbers, long ones and short ones, between ones that change.
    private static int[] Mixed(Random random, int limit)
    {
        var values = new List<int>();
        for (var stretch = random.Next(6); stretch > 0; stretch--)
        {
            var isRun = random.Next(2) == 0;
            var areShort = random.Next(3) == 0;
            var value = random.Next(limit);
            for (var i = random.Next(150); i >= 0; i--)
            {
                if (areShort) values.AddRange(Enumerable.Repeat(random.Next(limit), random.Next(1, 70)));
                else values.Add(isRun ? value : random.Next(limit));
            }
        }

        return [.. values];
    }
}
