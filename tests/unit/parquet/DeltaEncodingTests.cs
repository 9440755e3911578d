using System.Buffers;
using System.Text;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

public sealed class DeltaEncodingTests
{
    [Fact]
    public void Numbers_in_steps_of_one_take_no_bits()
    {
        // 128 a block, 4 miniblocks, 5 numbers, first 1 (zigzag 2); smallest delta 1 (zigzag 2), four widths of 0.
        var output = new ArrayBufferWriter<byte>();
        DeltaBinaryPackedEncoder.Encode([1, 2, 3, 4, 5], output);
        Assert.Equal("8001040502" + "02" + "00000000", Convert.ToHexString(output.WrittenSpan));
    }

    [Fact]
    public void Numbers_of_the_specifications_second_example()
    {
        // Encodings.md: 7, 5, 3, 1, 2, 3, 4, 5 has deltas -2 -2 -2 1 1 1 1, smallest -2 (zigzag 3), relative 0 0 0 3 3 3 3 in 2 bits.
        var output = new ArrayBufferWriter<byte>();
        DeltaBinaryPackedEncoder.Encode([7, 5, 3, 1, 2, 3, 4, 5], output);
        Assert.Equal("800104080E" + "03" + "02000000" + "C03F000000000000", Convert.ToHexString(output.WrittenSpan));
    }

    [Fact]
    public void Equal_numbers_are_known_without_decoding_them()
    {
        var random = new Random(21);
        var constant = 0;
        for (var round = 0; round < 2000; round++)
        {
            var numbers = new int[random.Next(1, 700)];
            var value = random.Next(3) * 8;
            Array.Fill(numbers, value);
            if (random.Next(2) == 0) numbers[random.Next(numbers.Length)] = random.Next(3) * 8;
            var output = new ArrayBufferWriter<byte>();
            DeltaBinaryPackedEncoder.Encode(numbers, output);
            var bytes = output.WrittenSpan.ToArray();
            var isConstant = DeltaBinaryPackedDecoder.IsConstant(bytes, numbers.Length, 8, out var consumed);
            Assert.Equal(Array.TrueForAll(numbers, static number => number == 8), isConstant);
            if (!isConstant) continue;
            constant++;
            Assert.Equal(bytes.Length, consumed);
            // Cut off, of another count, or spoiled: then it is not said to be.
            for (var length = 0; length < bytes.Length; length += 3)
                Assert.False(DeltaBinaryPackedDecoder.IsConstant(bytes.AsSpan(0, length), numbers.Length, 8, out _));
            Assert.False(DeltaBinaryPackedDecoder.IsConstant(bytes, numbers.Length + 1, 8, out _));
            bytes[^1] ^= 1;
            Assert.False(DeltaBinaryPackedDecoder.IsConstant(bytes, numbers.Length, 8, out _) && numbers.Length > 1);
        }

        Assert.InRange(constant, 100, 1900);
    }

    [Fact]
    public void Strings_of_the_specifications_example()
    {
        // Encodings.md, DELTA_BYTE_ARRAY: prefixes 0 2 0 3, suffixes "axis" "le" "babble" "yhood".
        var table = Table("axis", "axle", "babble", "babyhood");
        var output = new ArrayBufferWriter<byte>();
        DeltaByteArrayEncoder.EncodePrefixes(new ByteArrayValues(table), output);
        Assert.Equal("axislebabbleyhood", Encoding.ASCII.GetString(output.WrittenSpan[^17..]));
        var decoded = new ByteArrayTable();
        Assert.True(DeltaByteArrayDecoder.TryDecodePrefixes(output.WrittenSpan, 4, decoded));
        Assert.Equal(Strings(table), Strings(decoded));
    }

    [Fact]
    public void Longs_come_back()
    {
        var random = new Random(1);
        for (var round = 0; round < 400; round++)
        {
            var values = Numbers(random, random.Next(400));
            var output = new ArrayBufferWriter<byte>();
            DeltaBinaryPackedEncoder.Encode(values, output);
            var decoded = new long[values.Length];
            Assert.True(DeltaBinaryPackedDecoder.TryDecode(output.WrittenSpan, decoded.AsSpan(), out var consumed));
            Assert.Equal(output.WrittenCount, consumed);
            Assert.Equal(values, decoded);
        }
    }

    [Fact]
    public void Ints_come_back_in_at_most_32_bits_each()
    {
        var random = new Random(2);
        for (var round = 0; round < 400; round++)
        {
            var values = Numbers(random, random.Next(400)).Select(static v => (int)v).ToArray();
            var output = new ArrayBufferWriter<byte>();
            DeltaBinaryPackedEncoder.Encode(values, output);
            var decoded = new int[values.Length];
            Assert.True(DeltaBinaryPackedDecoder.TryDecode(output.WrittenSpan, decoded.AsSpan(), out _));
            Assert.Equal(values, decoded);
            Assert.True(output.WrittenCount <= 30 + (((values.Length + 127) / 128) * (15 + 512)));
        }
    }

    [Fact]
    public void Other_block_sizes_are_read()
    {
        // 256 a block, 2 miniblocks, 3 numbers, first 10; smallest delta -1, widths 1 and 0; the miniblock of 128 bits is cut off.
        byte[] encoded = [0x80, 0x02, 0x02, 0x03, 0x14, 0x01, 0x01, 0x00, 0b10];
        var decoded = new long[3];
        Assert.True(DeltaBinaryPackedDecoder.TryDecode(encoded, decoded.AsSpan(), out _));
        Assert.Equal([10, 9, 9], decoded);
    }

    [Theory]
    [InlineData("0004000000")] // block of 0
    [InlineData("80010003020000000000")] // no miniblocks
    [InlineData("8001040302")] // ends before the block
    [InlineData("80010403020041000000")] // 65 bits wide
    [InlineData("80010404020000000000")] // 4 numbers where the page has 3
    public void Malformed_headers_are_refused(string hex) =>
        Assert.False(DeltaBinaryPackedDecoder.TryDecode(Convert.FromHexString(hex), new long[3].AsSpan(), out _));

    [Fact]
    public void Strings_come_back_whole_and_in_part()
    {
        var random = new Random(3);
        for (var round = 0; round < 200; round++)
        {
            var table = RandomStrings(random, random.Next(1, 200));
            var (skip, count) = (random.Next(table.Count), 0);
            count = random.Next(table.Count - skip + 1);
            var output = new ArrayBufferWriter<byte>();
            DeltaByteArrayEncoder.EncodeLengths(new ByteArrayValues(table), output);
            var decoded = new ByteArrayTable();
            Assert.True(DeltaByteArrayDecoder.TryDecodeLengths(output.WrittenSpan, table.Count, skip, count, decoded));
            Assert.Equal(Strings(table)[skip..(skip + count)], Strings(decoded));

            output.ResetWrittenCount();
            DeltaByteArrayEncoder.EncodePrefixes(new ByteArrayValues(table), output);
            Assert.True(DeltaByteArrayDecoder.TryDecodePrefixes(output.WrittenSpan, table.Count, decoded));
            Assert.Equal(Strings(table), Strings(decoded)[count..]);
        }
    }

    [Fact]
    public void Prefixes_that_would_multiply_a_page_are_refused_before_memory_is_taken()
    {
        // One string of 2,000 bytes, then 200,000 that repeat it whole: 400 MB of a few KB.
        const int Count = 200_001;
        var prefixes = new int[Count];
        prefixes.AsSpan(1).Fill(2000);
        var suffixes = new int[Count];
        suffixes[0] = 2000;
        var output = new ArrayBufferWriter<byte>();
        DeltaBinaryPackedEncoder.Encode(prefixes, output);
        DeltaBinaryPackedEncoder.Encode(suffixes, output);
        output.Write(new byte[2000]);
        var table = new ByteArrayTable();
        Assert.False(DeltaByteArrayDecoder.TryDecodePrefixes(output.WrittenSpan, Count, table));
        Assert.Equal(0, table.Count);
    }

    private static ByteArrayTable Table(params string[] values)
    {
        var table = new ByteArrayTable();
        foreach (var value in values) table.Append(Encoding.UTF8.GetBytes(value));
        return table;
    }

    private static string[] Strings(ByteArrayTable table) =>
        [.. Enumerable.Range(0, table.Count).Select(i => Convert.ToHexString(table[i]))];

    private static ByteArrayTable RandomStrings(Random random, int count)
    {
        var table = new ByteArrayTable();
        var value = new byte[40];
        for (var i = 0; i < count; i++)
        {
            random.NextBytes(value.AsSpan(random.Next(40)));
            table.Append(value.AsSpan(0, random.Next(41)));
        }

        return table;
    }

    private static long[] Numbers(Random random, int count)
    {
        var bits = random.Next(1, 65);
        var values = new long[count];
        for (var i = 0; i < count; i++) values[i] = random.NextInt64(long.MinValue, long.MaxValue) >> (64 - bits);
        return values;
    }
}
