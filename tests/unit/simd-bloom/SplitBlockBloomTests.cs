using System.Text;

namespace Tempo.SimdBloom.Tests;

public class SplitBlockBloomTests
{
    [Fact] // One block written by parquet-mr for the strings a0 … a9.
    public void BitSetIsTheOneParquetMrWrites()
    {
        byte[] golden =
        [
            200, 1, 80, 20, 64, 68, 8, 109, 6, 37, 4, 67, 144, 80, 96, 32,
            8, 132, 43, 33, 0, 5, 99, 65, 2, 0, 224, 44, 64, 78, 96, 4,
        ];
        var builder = new SplitBlockBloomBuilder(32);
        for (var i = 0; i < 10; i++) builder.Add(XxHash64.Hash(Encoding.ASCII.GetBytes($"a{i}")));
        Assert.Equal(golden, builder.BitSet.ToArray());
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.01)]
    [InlineData(0.001)]
    public void FalsePositivesStayAtTheAskedRate(double rate)
    {
        const int keyCount = 50_000;
        var builder = new SplitBlockBloomBuilder(SplitBlockSizing.SizeBytesFor(keyCount, SplitBlockSizing.BitsPerKey(rate)));
        var hashes = new ulong[keyCount];
        for (var i = 0; i < keyCount; i++) hashes[i] = XxHash64.Hash((ulong)i);
        builder.AddRange(hashes);
        Assert.True(SplitBlockBloomFilter.TryOpen(builder.BitSet.Span, out var filter, out var error), error);

        var found = new ulong[(keyCount + 63) / 64];
        filter.MayContain(hashes, found);
        Assert.Equal(keyCount, found.Sum(word => (int)ulong.PopCount(word)));

        for (var i = 0; i < keyCount; i++) hashes[i] = XxHash64.Hash((ulong)(keyCount + i));
        filter.MayContain(hashes, found);
        var falsePositives = found.Sum(word => (int)ulong.PopCount(word));
        // Binomial: five standard deviations to either side.
        var (expected, deviation) = (keyCount * rate, Math.Sqrt(keyCount * rate));
        Assert.InRange(falsePositives, expected - 5 * deviation, expected + 5 * deviation);
    }

    [Fact]
    public void A_builder_that_is_cleared_to_another_size_builds_what_a_new_one_does()
    {
        var reused = new SplitBlockBloomBuilder(SplitBlockSizing.MinSizeBytes);
        foreach (var sizeBytes in (int[])[256, 64, 1024, 32, 512])
        {
            reused.Clear(sizeBytes);
            var fresh = new SplitBlockBloomBuilder(sizeBytes);
            for (var i = 0; i < sizeBytes; i++)
            {
                reused.Add(XxHash64.Hash((ulong)i));
                fresh.Add(XxHash64.Hash((ulong)i));
            }

            Assert.Equal(fresh.BitSet.ToArray(), reused.BitSet.ToArray());
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => reused.Clear(33));
    }

    [Theory]
    [InlineData(0, "no blocks")]
    [InlineData(31, "31 bytes")]
    [InlineData(33, "33 bytes")]
    public void WrongSizesAreRefused(int sizeBytes, string expected)
    {
        Assert.False(SplitBlockBloomFilter.TryOpen(new byte[sizeBytes], out var filter, out var error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.False(filter.MayContain(0));
    }

    [Fact]
    public void TheResultBitmapMustBeLargeEnoughAndIsClearedPastTheLastHash()
    {
        var builder = new SplitBlockBloomBuilder(64);
        builder.Add(1);
        Assert.Throws<ArgumentException>(() => builder.Filter.MayContain(new ulong[65], new ulong[1]));

        ulong[] found = [ulong.MaxValue, ulong.MaxValue];
        builder.Filter.MayContain([1UL], found);
        Assert.Equal([1UL, 0UL], found);
        builder.Clear();
        Assert.False(builder.Filter.MayContain(1));
    }

    [Theory]
    [InlineData(0, 10, 32)]
    [InlineData(25, 10, 32)]
    [InlineData(26, 10, 64)]
    [InlineData(long.MaxValue, 10, 128 * 1024 * 1024)]
    public void SizesAreWholeBlocksWithinTheLimits(long keyCount, double bitsPerKey, int sizeBytes) =>
        Assert.Equal(sizeBytes, SplitBlockSizing.SizeBytesFor(keyCount, bitsPerKey));

    [Theory] // The table of the Parquet specification.
    [InlineData(0.1, 6.0)]
    [InlineData(0.01, 10.5)]
    [InlineData(0.001, 16.9)]
    [InlineData(0.0001, 26.4)]
    public void BitsPerKeyAreThoseOfTheSpecification(double rate, double bitsPerKey) =>
        Assert.Equal(bitsPerKey, SplitBlockSizing.BitsPerKey(rate), 0.1);

    [Fact]
    public void FileFiltersCanBeRoundedToPowersOfTwo()
    {
        Assert.Equal(128 * 1024, SplitBlockSizing.RoundUpToPowerOfTwo(96 * 1024));
        Assert.Equal(32, SplitBlockSizing.RoundUpToPowerOfTwo(32));
    }
}
