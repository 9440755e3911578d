using System.Runtime.InteropServices;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

/// <summary>What other writers make and this one never does.</summary>
public sealed class ForeignPageTests
{
    [Fact]
    public void Byte_streams_are_joined_as_the_specification_shows()
    {
        // Encodings.md: the values AABBCCDD 00112233 A3B4C5D6.
        var joined = new byte[12];
        ByteStreamSplitDecoder.Decode(Convert.FromHexString("AA00A3BB11B4CC22C5DD33D6"), 4, joined);
        Assert.Equal("AABBCCDD00112233A3B4C5D6", Convert.ToHexString(joined));
    }

    [Fact]
    public void Doubles_in_byte_streams()
    {
        double[] values = [1.5, -2.25, 1e300, 0];
        var bytes = MemoryMarshal.AsBytes<double>(values);
        var streams = new byte[32];
        for (var i = 0; i < bytes.Length; i++) streams[(i % 8 * 4) + (i / 8)] = bytes[i];
        var data = SinglePage.Read(SchemaNode.Double("v"), PageEncoding.ByteStreamSplit, streams, 4);
        Assert.Equal(values, data.Doubles[..4]);
        Assert.Throws<ParquetFormatException>(
            () => SinglePage.Read(SchemaNode.Double("v"), PageEncoding.ByteStreamSplit, streams.AsSpan(1), 4));
    }

    [Fact]
    public void Booleans_in_runs()
    {
        // Length 4: a run of 9 ones, then a group of eight 10101010.
        var data = SinglePage.Read(SchemaNode.Boolean("v"), PageEncoding.Rle, [4, 0, 0, 0, 9 << 1, 1, 3, 0b0101_0101], 12);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1], data.Booleans[..12]);
    }

    [Fact]
    public void Floats_are_widened()
    {
        float[] values = [0.5f, -3.25f];
        var data = SinglePage.Read(
            SchemaNode.Leaf("v", Repetition.Required, PhysicalType.Float), PageEncoding.Plain, MemoryMarshal.AsBytes<float>(values), 2);
        Assert.Equal([0.5, -3.25], data.Doubles[..2]);
    }

    [Fact]
    public void Old_timestamps_come_as_their_12_bytes()
    {
        byte[] slab = [.. Enumerable.Range(0, 24).Select(static i => (byte)i)];
        var data = SinglePage.Read(SchemaNode.Leaf("v", Repetition.Required, PhysicalType.Int96), PageEncoding.Plain, slab, 2);
        Assert.Equal(slab[12..], data.Table[data.Codes[1]].ToArray());
    }

    [Theory]
    [InlineData(PageEncoding.BitPacked)]
    [InlineData(PageEncoding.Rle)]
    [InlineData(PageEncoding.DeltaLengthByteArray)]
    public void Encodings_that_do_not_fit_the_type_are_refused(PageEncoding encoding)
    {
        var message =
            Assert.Throws<ParquetFormatException>(() => SinglePage.Read(SchemaNode.Int64("v"), encoding, new byte[64], 2)).Message;
        Assert.Contains("not supported", message);
    }
}
