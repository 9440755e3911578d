using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Metrics.Compare;

namespace Tempo.Query.Tests;

/// <summary>What compare() counts in, against a dictionary, and what memory it takes.</summary>
public sealed class CompareCountsTests
{
    private const int Intervals = 3600;

    [Fact]
    public void Counts_add_up_as_in_a_dictionary()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var counts = new CompareCounts(Intervals, new MemoryBudget(long.MaxValue, QueryMemory.OfProcess));
        var expected = new Dictionary<(int Attribute, int Value, int Side, int Interval), double>();
        for (var i = 0; i < 50_000; i++)
        {
            // Frequent values and rare ones, near in time and far.
            var key = (random.Next(3), random.Next(random.Next(1, 400)), random.Next(2), random.Next(random.Next(1, Intervals)));
            var weight = random.Next(1, 4);
            counts.Add(key.Item1, key.Item2, key.Item3, key.Item4, weight);
            expected[key] = expected.GetValueOrDefault(key) + weight;
        }

        var seen = new Dictionary<(int, int, int, int), double>();
        counts.ForEach((number, entry, interval, count) =>
        {
            Assert.Equal(entry, counts[number]);
            Assert.True(seen.TryAdd((entry.Attribute, entry.Value, entry.Side, interval), count));
        });
        Assert.Equal(expected, seen);

        var (ofEntries, ofAttributes) = counts.Spread([.. Enumerable.Range(0, counts.EntryCount)]);
        for (var number = 0; number < counts.EntryCount; number++) Assert.Equal(counts[number].Total, ofEntries[number].Sum());
        counts.ForEach((number, _, interval, count) => Assert.Equal(count, ofEntries[number][interval]));
        foreach (var of in expected.GroupBy(static e => (e.Key.Attribute, e.Key.Side)))
            Assert.Equal(of.Sum(static e => e.Value), ofAttributes[of.Key].Sum());
        counts.Release();
    }

    // Twenty thousand values of forty spans each, all within some seconds of an hour: a row of all seconds for each would be 576 MB.
    [Fact]
    public void Memory_goes_by_what_was_counted_and_not_by_the_axis()
    {
        var counts = new CompareCounts(Intervals, new MemoryBudget(16 << 20, QueryMemory.OfProcess));
        for (var span = 0; span < 40; span++)
            for (var value = 0; value < 20_000; value++)
                counts.Add(0, value, CompareCounts.Baseline, 1000 + span / 5, 1);
        Assert.Equal(20_000, counts.EntryCount);
        Assert.Equal(40, counts[19_999].Total);
        counts.Release();
    }

    // The pool hands out what a query before has counted in.
    [Fact]
    public void Counts_begin_at_zero()
    {
        for (var round = 0; round < 3; round++)
        {
            var counts = new CompareCounts(Intervals, new MemoryBudget(16 << 20, QueryMemory.OfProcess));
            for (var interval = 0; interval < Intervals; interval++) counts.Add(0, 0, CompareCounts.Selection, interval, 1);
            counts.ForEach(static (_, _, _, count) => Assert.Equal(1, count));
            counts.Release();
        }
    }
}
