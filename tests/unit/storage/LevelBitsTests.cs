using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Storage.Tests;

/// <summary>The vector forms against the scalar ones.</summary>
public sealed class LevelBitsTests
{
    private const LevelKind Vector = LevelKind.Vector;

    [Fact]
    public void Levels_are_marked_as_the_scalar_form_marks_them()
    {
        var random = new Random(1);
        for (var length = 0; length < 300; length++)
        {
            var levels = new byte[length];
            foreach (ref var level in levels.AsSpan()) level = (byte)random.Next(6);
            for (byte level = 0; level < 6; level++)
            {
                var expected = new ulong[(length + 63) / 64];
                var actual = Array.ConvertAll(expected, static _ => ulong.MaxValue);
                LevelBits.MarkAtLeastScalar(levels, level, expected);
                LevelBits.MarkAtLeast(Vector, levels, level, actual);
                Assert.Equal(expected, actual);
                for (var i = 0; i < length; i++) Assert.Equal(levels[i] >= level, (actual[i / 64] >> i & 1) != 0);
            }
        }
    }

    [Fact]
    public void Owners_are_numbered_as_the_scalar_form_numbers_them()
    {
        var random = new Random(3);
        for (var length = 1; length < 200; length++)
        {
            var levels = new byte[length];
            foreach (ref var level in levels.AsSpan()) level = (byte)random.Next(4);
            levels[0] = 0;
            int[][] expected = [new int[length], new int[length], new int[length]],
                actual = [new int[length], new int[length], new int[length]];
            SpanOwners.NumberScalar(levels, 0, expected[0], expected[1], expected[2]);
            SpanOwners.Number(Vector, levels, actual[0], actual[1], actual[2]);
            Assert.Equal(expected, actual);
            Assert.Equal((levels.Count((byte)0) - 1, levels.Count((byte)3)), (actual[0][^1], length - 1 - actual[2][^1]));
        }
    }

    [Fact]
    public void Offsets_are_found_as_the_scalar_form_finds_them()
    {
        var random = new Random(4);
        for (var length = 0; length < 200; length++)
        {
            var levels = new byte[length];
            foreach (ref var level in levels.AsSpan()) level = (byte)random.Next(5);
            for (var owner = 0; owner < 5; owner++)
            {
                var count = levels.Count(level => level <= owner);
                // Also with too little room, as where columns contradict each other.
                int[] expected = new int[1 + count / (1 + length % 2)], actual = new int[expected.Length];
                Assert.Equal(count, RowGroupColumns.FullStarts(LevelKind.Scalar, levels, owner, expected));
                Assert.Equal(count, RowGroupColumns.FullStarts(Vector, levels, owner, actual));
                Assert.Equal(expected, actual);
            }
        }
    }

    [Theory]
    [InlineData("scalar", true, null)]
    [InlineData("vector", false, null)]
    [InlineData("avx9", false, "TEMPO_LEVEL_KERNEL=avx9: no such kernel (scalar, vector); using vector")]
    [InlineData("", false, null)]
    [InlineData(null, false, null)]
    public void A_kernel_is_forced_by_name(string? name, bool isScalar, string? expected)
    {
        Assert.Equal(isScalar ? LevelKind.Scalar : Vector, LevelKernel.Pick(name, out var warning));
        Assert.Equal(expected, warning);
    }

    [Fact]
    public void Bits_are_squeezed_as_the_scalar_form_squeezes_them()
    {
        var random = new Random(2);
        for (var i = 0; i < 10_000; i++)
        {
            var (bits, mask) = ((ulong)random.NextInt64() << random.Next(2), (ulong)random.NextInt64() >> random.Next(60));
            Assert.Equal(LevelBits.ExtractScalar(bits, mask), LevelBits.Extract(Vector, bits, mask));
            Assert.Equal(LevelBits.DepositScalar(bits, mask), LevelBits.Deposit(Vector, bits, mask));
            Assert.Equal(bits & mask, LevelBits.Deposit(Vector, LevelBits.Extract(Vector, bits, mask), mask));
        }

        Assert.Equal(0b101UL, LevelBits.Extract(Vector, 0b1000_0010, 0b1001_0010));
    }
}
