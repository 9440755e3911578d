using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

public sealed class CompressionTests
{
    [Theory]
    [InlineData(CompressionCodec.Uncompressed)]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Gzip)]
    [InlineData(CompressionCodec.Brotli)]
    [InlineData(CompressionCodec.Zstd)]
    [InlineData(CompressionCodec.Lz4Raw)]
    public void Pages_come_back_only_at_their_own_length(CompressionCodec codec)
    {
        var random = new Random(1);
        foreach (var length in new[] { 1, 100, 70_000 })
        {
            var source = new byte[length];
            random.NextBytes(source.AsSpan(length / 2));
            var compressed = new byte[PageCompression.MaxCompressedLength(codec, length)];
            var size = PageCompression.Compress(codec, 3, source, compressed);
            var back = new byte[length];
            Assert.True(PageCompression.TryDecompress(codec, compressed.AsSpan(0, size), back));
            Assert.Equal(source, back);
            Assert.False(PageCompression.TryDecompress(codec, compressed.AsSpan(0, size), new byte[length + 1]));
            Assert.False(PageCompression.TryDecompress(codec, compressed.AsSpan(0, size), new byte[length - 1]));
            Assert.False(PageCompression.TryDecompress(codec, compressed.AsSpan(0, size / 2), back));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void Pages_that_many_threads_compress_at_once_are_each_their_own(int level)
    {
        // More threads than contexts are kept, so that some are made and freed on the way.
        var failures = 0;
        var threads = Enumerable.Range(0, 4 * Environment.ProcessorCount).Select(number => new Thread(() =>
        {
            var source = new byte[20_000];
            new Random(number).NextBytes(source.AsSpan(0, 5_000));
            var compressed = new byte[PageCompression.MaxCompressedLength(CompressionCodec.Zstd, source.Length)];
            var back = new byte[source.Length];
            for (var i = 0; i < 30; i++)
            {
                source[^(i + 1)] = (byte)number;
                var size = PageCompression.Compress(CompressionCodec.Zstd, level, source, compressed);
                if (!PageCompression.TryDecompress(CompressionCodec.Zstd, compressed.AsSpan(0, size), back)
                    || !source.AsSpan().SequenceEqual(back))
                    Interlocked.Increment(ref failures);
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        Assert.Equal(0, failures);
    }

    [Fact]
    public void A_context_is_whole_again_after_a_page_that_did_not_fit()
    {
        var source = new byte[5_000];
        new Random(2).NextBytes(source);
        Assert.Throws<ArgumentException>(() => Zstd.Compress(source, new byte[10], 3));
        var compressed = new byte[Zstd.MaxCompressedLength(source.Length)];
        var size = Zstd.Compress(source, compressed, 3);
        var back = new byte[source.Length];
        Assert.True(Zstd.TryDecompress(compressed.AsSpan(0, size), back, out var written));
        Assert.Equal(source, back[..written]);
    }

    [Theory]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Gzip)]
    [InlineData(CompressionCodec.Brotli)]
    [InlineData(CompressionCodec.Zstd)]
    [InlineData(CompressionCodec.Lz4Raw)]
    public void Ratio_limits_allow_what_the_codecs_really_do(CompressionCodec codec)
    {
        foreach (var length in new[] { 1000, 1 << 20, 16 << 20 })
        {
            var compressed = new byte[PageCompression.MaxCompressedLength(codec, length)];
            var size = PageCompression.Compress(codec, 9, new byte[length], compressed);
            Assert.True(PageCompression.MaxUncompressedLength(codec, size) >= length, $"{codec}: {length} bytes in {size}");
        }
    }

    [Fact]
    public void Zstd_frames_carry_their_size_and_no_checksum()
    {
        var frame = new byte[Zstd.MaxCompressedLength(1000)];
        Zstd.Compress(new byte[1000], frame, 3);
        // RFC 8878, 3.1.1.1.1: bit 2 of the descriptor is the checksum flag, bit 5 single segment.
        Assert.Equal(0, frame[4] & 0b100);
        Assert.NotEqual(0, frame[4] & 0b10_0000);
    }

    [Fact]
    public void Zstd_stops_at_the_limit()
    {
        var source = new byte[1_000_000];
        var frame = new byte[Zstd.MaxCompressedLength(source.Length)];
        var compressed = frame.AsSpan(0, Zstd.Compress(source, frame, 3));
        using var output = new NativeBuffer();
        output.Append("before"u8);
        Assert.Equal(DecompressStatus.TooLarge, Zstd.Decompress(compressed, output, source.Length - 1));
        output.Clear();
        Assert.Equal(DecompressStatus.Done, Zstd.Decompress(compressed, output, int.MaxValue));
        output.Clear();
        Assert.Equal(DecompressStatus.Done, Zstd.Decompress(compressed, output, source.Length));
        Assert.Equal(source.Length, output.Length);
        Assert.Equal(DecompressStatus.Malformed, Zstd.Decompress(compressed[..^1], output, source.Length));
        Assert.Equal(DecompressStatus.Malformed, Zstd.Decompress("not zstd at all"u8, output, source.Length));
    }

    [Fact]
    public void Zstd_streams_in_pieces()
    {
        var source = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 20_000).Select(static i => $"span {i} ")));
        var frame = new byte[Zstd.MaxCompressedLength(source.Length)];
        var compressed = frame.AsSpan(0, Zstd.Compress(source, frame, 3));
        using var decoder = new ZstdDecoder();
        using var output = new NativeBuffer();
        for (var i = 0; i < compressed.Length; i++)
        {
            Assert.Equal(i == 0, decoder.IsAtFrameEnd);
            Assert.Equal(DecompressStatus.Done, decoder.Decode(compressed.Slice(i, 1), output, source.Length - output.Length));
        }

        Assert.True(decoder.IsAtFrameEnd);
        Assert.True(output.Written.SequenceEqual(source));
    }

    [Fact]
    public void Zstd_windows_beyond_8_MiB_are_refused()
    {
        // A frame header that asks for 2^24 bytes (exponent 14), then an empty last block.
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 14 << 3, 0x01, 0x00, 0x00];
        using var output = new NativeBuffer();
        Assert.Equal(DecompressStatus.Malformed, Zstd.Decompress(frame, output, 100));
        frame[5] = 13 << 3;
        Assert.Equal(DecompressStatus.Done, Zstd.Decompress(frame, output, 100));
    }

    [Fact]
    public void Snappy_lengths_that_cannot_be_true_are_refused()
    {
        byte[] bomb = [0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00, 0x41]; // claims 2 GiB
        using var output = new NativeBuffer();
        Assert.Equal(DecompressStatus.Malformed, Snappy.Decompress(bomb, output, int.MaxValue));
        Assert.Equal(0, output.Capacity);
    }

    [Fact]
    public void Snappy_frames_are_read_and_checked()
    {
        // framing_format.txt: identifier, a plain chunk with its masked CRC-32C, and a chunk to skip.
        var data = "hello"u8.ToArray();
        var crc = Crc32C.Compute(data);
        var masked = ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
        byte[] stream = [0xFF, 6, 0, 0, .. "sNaPpY"u8, 0x01, 9, 0, 0, .. BitConverter.GetBytes(masked), .. data, 0xFE, 1, 0, 0, 9];
        using var output = new NativeBuffer();
        Assert.Equal(DecompressStatus.Done, SnappyFrames.Decompress(stream, output, 5));
        Assert.True(output.Written.SequenceEqual(data));
        Assert.Equal(DecompressStatus.TooLarge, SnappyFrames.Decompress(stream, output, 4));
        stream[20] ^= 1;
        Assert.Equal(DecompressStatus.Malformed, SnappyFrames.Decompress(stream, output, 100));
    }
}
