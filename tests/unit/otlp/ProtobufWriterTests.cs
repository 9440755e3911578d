using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Otlp.Tests.Oracle;
using Xunit;

namespace Tempo.Otlp.Tests;

public sealed class ProtobufWriterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(3_000_000)]
    public void Nested_lengths_are_written_in_their_shortest_form(int textLength)
    {
        var value = new AnyValue { StringValue = new string('x', textLength) };
        var expected = new KeyValue { Key = "key", Value = value };
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        writer.WriteBytes(0x0A, "key"u8);
        var start = writer.BeginMessage(0x12);
        writer.WriteBytes(0x0A, System.Text.Encoding.UTF8.GetBytes(value.StringValue));
        writer.EndMessage(start);
        Assert.Equal(expected.ToByteArray(), buffer.Written.ToArray());
    }

    [Fact]
    public void Every_varint_has_the_size_and_bytes_of_the_oracle_and_reads_back()
    {
        Span<byte> encoded = stackalloc byte[Varint.MaxSizeBytes];
        for (var bit = 0; bit < 64; bit++)
        {
            foreach (var value in new[] { (1UL << bit) - 1, 1UL << bit, ulong.MaxValue >> bit })
            {
                var size = Varint.Encode(encoded, value);
                Assert.Equal(CodedOutputStream.ComputeUInt64Size(value), size);
                Assert.Equal(size, Varint.SizeBytes(value));
                Assert.Equal(size, Varint.Decode(encoded[..size], out var decoded));
                Assert.Equal(value, decoded);
                Assert.Equal(0, Varint.Decode(encoded[..(size - 1)], out _));
            }
        }
    }
}
