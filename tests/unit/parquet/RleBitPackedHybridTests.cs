using System.Buffers;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

public sealed class RleBitPackedHybridTests
{
    [Fact]
    public void Packs_the_example_of_the_specification()
    {
        // Encodings.md: the numbers 0 to 7 in 3 bits are 10001000 11000110 11111010, here behind the header of one group.
        var output = new ArrayBufferWriter<byte>();
        RleBitPackedHybrid.Encode([0, 1, 2, 3, 4, 5, 6, 7], 3, output);
        Assert.Equal("0388C6FA", Convert.ToHexString(output.WrittenSpan));
    }

    [Fact]
    public void Writes_a_run_for_equal_numbers()
    {
        var output = new ArrayBufferWriter<byte>();
        RleBitPackedHybrid.Encode(Enumerable.Repeat(300, 1000).ToArray(), 9, output);
        Assert.Equal("D00F2C01", Convert.ToHexString(output.WrittenSpan));
    }

    [Fact]
    public void Packs_runs_shorter_than_a_block()
    {
        byte[] numbers = [0, .. Enumerable.Repeat((byte)1, 31), 0, 0];
        var output = new ArrayBufferWriter<byte>();
        RleBitPackedHybrid.Encode(numbers, 1, output);
        Assert.Equal("0BFEFFFFFF00", Convert.ToHexString(output.WrittenSpan));
    }

    /// <summary>Two bytes a run are less than three bits for each of thirteen attributes; but not less than those of three.</summary>
    [Fact]
    public void Levels_are_runs_where_that_is_shorter()
    {
        byte[] levels = [.. Enumerable.Range(0, 20).SelectMany(static _ => (byte[])[3, .. Enumerable.Repeat((byte)4, 12)])];
        var output = new ArrayBufferWriter<byte>();
        LevelEncoder.Encode(levels, 4, output);
        Assert.Equal(string.Concat(Enumerable.Repeat("02031804", 20)), Convert.ToHexString(output.WrittenSpan));

        levels = [.. Enumerable.Range(0, 21).SelectMany(static _ => (byte[])[3, 4, 4])];
        output.ResetWrittenCount();
        LevelEncoder.Encode(levels, 4, output);
        Assert.Equal(1 + 8 * 3, output.WrittenCount);
    }

    [Theory]
    [MemberData(nameof(Widths), 32)]
    public void Integers_come_back(int width)
    {
        var random = new Random(width);
        for (var round = 0; round < 60; round++)
        {
            var values = Mixed(random, width);
            var output = new ArrayBufferWriter<byte>();
            RleBitPackedHybrid.Encode(values, width, output);
            var decoded = new int[values.Length];
            Assert.True(RleBitPackedHybrid.TryDecode(output.WrittenSpan, width, decoded, out var consumed));
            Assert.Equal(values, decoded);
            Assert.Equal(output.WrittenCount, consumed);
            // The last group is padded unless the stretch it ends happens to fill it: then no byte can be spared.
            if (values.Length is > 0 and < 32 && values.Length % 8 == 0)
                Assert.False(RleBitPackedHybrid.TryDecode(output.WrittenSpan[..^1], width, decoded, out _));
        }
    }

    [Theory]
    [MemberData(nameof(Widths), 32)]
    public void A_part_is_what_the_whole_has_there(int width)
    {
        var random = new Random(width);
        for (var round = 0; round < 60; round++)
        {
            var values = Mixed(random, width);
            var output = new ArrayBufferWriter<byte>();
            RleBitPackedHybrid.Encode(values, width, output);
            var skip = random.Next(values.Length + 1);
            var part = new int[random.Next(values.Length - skip + 1)];
            Assert.True(
                RleBitPackedHybrid.TryDecodePart(output.WrittenSpan, width, values.Length, skip, part), $"width {width}, round {round}");
            Assert.Equal(values.AsSpan(skip, part.Length).ToArray(), part);
            // What lies behind the part has to be there all the same.
            if (values.Length is > 0 and < 32 && values.Length % 8 == 0)
                Assert.False(RleBitPackedHybrid.TryDecodePart(output.WrittenSpan[..^1], width, values.Length, skip, part));
        }
    }

    [Theory]
    [MemberData(nameof(Widths), 7)]
    public void Levels_come_back(int width)
    {
        var random = new Random(width);
        for (var round = 0; round < 60; round++)
        {
            var values = Mixed(random, width).Select(static v => (byte)v).ToArray();
            var output = new ArrayBufferWriter<byte>();
            LevelEncoder.Encode(values, (1 << width) - 1, output);
            var decoded = new byte[values.Length];
            Assert.True(LevelDecoder.TryDecode(output.WrittenSpan, (1 << width) - 1, decoded, out _));
            Assert.Equal(values, decoded);
        }
    }

    [Fact]
    public void A_level_above_the_maximum_is_refused()
    {
        var output = new ArrayBufferWriter<byte>();
        RleBitPackedHybrid.Encode((ReadOnlySpan<byte>)[0, 1, 2, 3], 2, output);
        Assert.True(LevelDecoder.TryDecode(output.WrittenSpan, 3, new byte[4], out _));
        Assert.False(LevelDecoder.TryDecode(output.WrittenSpan, 2, new byte[4], out _));
    }

    [Theory]
    [MemberData(nameof(Widths), 16)]
    public void Portable_twins_agree_with_the_instructions(int width)
    {
        // Where the CPU has no PEXT both sides run the portable code; the packed form is then held by the examples above.
        var random = new Random(width);
        var laneBits = width <= 8 ? 8 : 16;
        Span<byte> packed = stackalloc byte[24];
        Span<int> numbers = stackalloc int[8];
        for (var round = 0; round < 100; round++)
        {
            ulong lanes = 0;
            for (var i = 0; i < numbers.Length; i++)
            {
                numbers[i] = random.Next(1 << width);
                if (i < 64 / laneBits) lanes |= (ulong)numbers[i] << (i * laneBits);
            }

            BitPacking.Pack8(ref numbers[0], ref packed[0], width);
            var bits = 64 / laneBits * width;
            var mask = bits == 64 ? ulong.MaxValue : (1ul << bits) - 1;
            var portable = BitPacking.CompressLanesPortable(lanes, width, laneBits);
            Assert.Equal(BitConverter.ToUInt64(packed) & mask, portable);
            Assert.Equal(lanes, BitPacking.ExpandLanesPortable(portable, width, laneBits));
        }
    }

    [Fact]
    public void A_run_that_claims_too_much_is_cut()
    {
        var decoded = new int[5];
        Assert.True(RleBitPackedHybrid.TryDecode([0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 7], 8, decoded, out _));
        Assert.Equal([7, 7, 7, 7, 7], decoded);
    }

    /// <summary>
    /// Found by the fuzzer: the bytes of that many groups are more than a long counts, and the place after them was negative.
    /// </summary>
    [Fact]
    public void Groups_that_claim_too_much_end_with_the_bytes()
    {
        var decoded = new int[8];
        Assert.True(RleBitPackedHybrid.TryDecode(
            [0xFF, 0xFF, 0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, 2, 3, 4, 5, 6, 7, 8], 8, decoded, out var consumed));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], decoded);
        Assert.Equal(17, consumed);
    }

    public static TheoryData<int> Widths(int max) => new(Enumerable.Range(1, max));

    /// <summary>Random numbers broken by runs of random length, of random total length.</summary>
    private static int[] Mixed(Random random, int width)
    {
        var values = new List<int>();
        var mask = width == 32 ? -1 : (1 << width) - 1;
        for (var parts = random.Next(6); parts > 0; parts--)
        {
            var length = random.Next(1, 90);
            if (random.Next(3) == 0)
                for (; length > 0; length--)
                    values.AddRange(Enumerable.Repeat((int)random.NextInt64(1L << width) & mask, random.Next(1, 80)));
            else if (random.Next(2) == 0) values.AddRange(Enumerable.Repeat((int)random.NextInt64(1L << width) & mask, length));
            else for (; length > 0; length--) values.Add((int)random.NextInt64(1L << width) & mask);
        }

        return [.. values];
    }
}
