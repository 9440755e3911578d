using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>Sorting by digits against sorting by comparison.</summary>
public sealed class StartOrderTests
{
    [Theory]
    [InlineData(0, 1UL << 33)]
    [InlineData(1, 1UL << 33)]
    [InlineData(1023, 1UL << 33)]
    [InlineData(1024, 1UL << 33)]
    [InlineData(5000, 1)]
    [InlineData(5000, 7)]
    [InlineData(5000, 1UL << 11)]
    [InlineData(5000, 1UL << 22)]
    [InlineData(5000, (1UL << 22) + 1)]
    [InlineData(20_000, 1UL << 33)]
    [InlineData(5000, ulong.MaxValue)]
    public void Both_have_the_same_order(int count, ulong range)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var sorter = new StartOrder();
        for (var round = 0; round < 5; round++)
        {
            var first = range == ulong.MaxValue ? 0 : (ulong)random.NextInt64();
            var starts = Enumerable.Range(0, count).Select(
                _ => first + (ulong)random.NextInt64() % range * (range == ulong.MaxValue ? 2UL : 1)).ToArray();
            var (sorted, order) = (starts.Append(5UL).ToArray(), Enumerable.Range(0, count + 1).ToArray());
            if (round == 4) Array.Sort(sorted, 0, count);
            var given = sorted.ToArray();
            sorter.Sort(sorted, order, count);
            Assert.True(starts.Order().SequenceEqual(sorted[..count]), $"seed {seed}");
            Assert.True(order[..count].Select(i => given[i]).SequenceEqual(sorted[..count]), $"seed {seed}");
            Assert.Equal(Enumerable.Range(0, count), order[..count].Order());
            Assert.Equal((5UL, count), (sorted[count], order[count]));
        }
    }
}
