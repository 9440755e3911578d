using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Tempo.SimdBloom.Tests;

public class TempoBloomFilterTests
{
    [Fact]
    public void FindsAllThatWasAddedAndLittleElse()
    {
        const int idCount = 20_000;
        var random = new Random(42);
        var ids = new byte[2 * idCount * 16]; // the second half is not added
        random.NextBytes(ids);
        var layout = TempoBloomLayout.For(idCount, 0.01, 4096);
        var builder = new TempoBloomBuilder(layout);
        builder.AddRange(ids.AsSpan(0, idCount * 16));

        var falsePositives = 0;
        for (var i = 0; i < 2 * idCount; i++)
        {
            var found = MayContain(builder, ids.AsSpan(i * 16, 16));
            if (i < idCount) Assert.True(found);
            else if (found) falsePositives++;
        }

        Assert.True(layout.ShardCount > 1);
        Assert.InRange(falsePositives, 1, (int)(idCount * 0.02));
    }

    [Theory] // What each header field claims against what is there.
    [InlineData(0, 24, "shorter than its header")]
    [InlineData(23, 24, "shorter than its header")]
    [InlineData(47, 24, "24")]
    [InlineData(56, 24, "32 after its header")]
    public void WrongSizesAreRefused(int sizeBytes, int claimedBytes, string expected)
    {
        var bytes = new byte[sizeBytes];
        if (sizeBytes >= 24) WriteHeader(bytes, (ulong)claimedBytes * 8 - 1, 7, (ulong)claimedBytes * 8 - 1);
        AssertRefused(bytes, expected);
    }

    [Theory]
    [InlineData(0, 7, 0, "0 bits")]
    [InlineData(160, 7, 161, "160 bits at byte 0 and 161")]
    [InlineData(160, 0, 160, "0 bits per id")]
    [InlineData(160, 65, 160, "65 bits per id")]
    [InlineData(160, -1, 160, "18446744073709551615 bits per id")]
    [InlineData(-1, 7, -1, "2305843009213693952 bytes")]
    [InlineData(193, 7, 193, "32 bytes, and has 24")]
    [InlineData(128, 7, 128, "16 bytes, and has 24")]
    public void WrongClaimsAreRefused(long bitCount, long hashCount, long bitSetLength, string expected)
    {
        var bytes = new byte[24 + 24];
        WriteHeader(bytes, (ulong)bitCount, (ulong)hashCount, (ulong)bitSetLength);
        AssertRefused(bytes, expected);
    }

    [Fact]
    public void AnIdThatIsNot16BytesIsRefused()
    {
        var builder = new TempoBloomBuilder(TempoBloomLayout.For(10));
        Assert.Throws<ArgumentException>(() => builder.Add(new byte[15]));
        Assert.Throws<ArgumentException>(() => builder.AddRange(new byte[31]));
        Assert.DoesNotContain(builder.ShardObject(0).Span[24..].ToArray(), b => b != 0);
    }

    [Fact]
    public void TheReciprocalRemainderIsExact()
    {
        var random = new Random(7);
        ulong[] moduli = [1, 2, 3, 160, 819_200, (1UL << 31) - 8, (1UL << 31), 1UL << 34];
        foreach (var modulus in moduli)
        {
            var reduce = new BitModulus(modulus);
            foreach (var edge in (ulong[])[0, 1, modulus - 1, modulus, modulus + 1, ulong.MaxValue, ulong.MaxValue - 1,
                ulong.MaxValue / modulus * modulus - 1])
                Assert.Equal(edge % modulus, reduce.Reduce(edge));
            for (var i = 0; i < 2000; i++)
            {
                var value = (ulong)random.NextInt64() << 1 >> random.Next(60);
                Assert.Equal(value % modulus, reduce.Reduce(value));
            }
        }
    }

    [Fact] // The positions as the format states them, with 128-bit arithmetic instead of wrapping and reciprocals.
    public void BitPositionsFollowTheFormula()
    {
        var random = new Random(8);
        var modulus = new BitModulus(819_200);
        for (var n = 0; n < 200; n++)
        {
            ulong[] h = [Next(), Next(), Next(), Next()];
            var hash = new TraceIdHash(h[0], h[1], h[2], h[3], 0);
            for (uint i = 0; i < 64; i++)
            {
                var sum = (BigInteger)h[i % 2] + (BigInteger)i * h[2 + (i + i % 2) % 4 / 2];
                Assert.Equal((ulong)(sum % BigInteger.Pow(2, 64) % 819_200), TempoBloomBits.Position(hash, i, modulus));
            }
        }

        ulong Next() => (ulong)random.NextInt64(long.MinValue, long.MaxValue);
    }

    private static bool MayContain(TempoBloomBuilder builder, ReadOnlySpan<byte> id)
    {
        var hash = TraceIdHash.Of(id);
        var opened =
            TempoBloomFilter.TryOpen(builder.ShardObject(hash.ShardOf(builder.Layout.ShardCount)).Span, out var filter, out var error);
        Assert.True(opened, error);
        return filter.MayContain(hash);
    }

    private static void AssertRefused(byte[] bytes, string expected)
    {
        Assert.False(TempoBloomFilter.TryOpen(bytes, out var filter, out var error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.False(filter.MayContain(new byte[16]), string.Create(CultureInfo.InvariantCulture, $"refused: {error}"));
    }

    private static void WriteHeader(Span<byte> bytes, ulong bitCount, ulong hashCount, ulong bitSetLength)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, bitCount);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], hashCount);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], bitSetLength);
    }
}
