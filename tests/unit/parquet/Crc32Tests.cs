using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

public sealed class Crc32Tests
{
    [Fact]
    public void Has_the_known_value() => Assert.Equal(0xCBF43926, Crc32.Compute("123456789"u8));

    [Fact]
    public void Folding_agrees_with_the_scalar_twin_at_every_length_and_in_pieces()
    {
        var bytes = new byte[1000];
        new Random(1).NextBytes(bytes);
        for (var length = 0; length <= bytes.Length; length++)
        {
            var expected = Crc32.ComputeScalar(bytes.AsSpan(0, length));
            Assert.Equal(expected, Crc32.Compute(bytes.AsSpan(0, length)));
            Assert.Equal(
                expected, Crc32.Compute(bytes.AsSpan(length / 3, length - (length / 3)), Crc32.Compute(bytes.AsSpan(0, length / 3))));
        }
    }
}
