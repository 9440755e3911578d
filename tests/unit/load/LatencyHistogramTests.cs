using Tempo.Perf.Load.Run;
using Tempo.Perf.Load.Traffic;
using Xunit;

namespace Tempo.Perf.Load.Tests;

public class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_those_of_the_sorted_values_within_a_bucket()
    {
        var random = new Xoshiro256(11);
        var first = new LatencyHistogram();
        var second = new LatencyHistogram();
        long[] values = [.. Enumerable.Range(0, 20_000).Select(_ => (long)random.LogNormal(3000, sigma: 2))];
        for (int i = 0; i < values.Length; i++) (i % 2 == 0 ? first : second).Record(values[i]);
        first.Add(second);
        Array.Sort(values);
        foreach (double percent in new[] { 0.01, 1, 50, 90, 99, 99.9, 100 })
        {
            long exact = values[(int)Math.Ceiling(values.Length * percent / 100) - 1];
            Assert.InRange(first.PercentileMicros(percent), exact, exact + exact / 64 + 1);
        }
        Assert.Equal(values[^1], first.MaxMicros);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(long.MaxValue)]
    public void A_single_value_is_all_its_percentiles(long value)
    {
        var histogram = new LatencyHistogram();
        histogram.Record(value);
        Assert.Equal(value, histogram.PercentileMicros(50));
        Assert.Equal(value, histogram.PercentileMicros(100));
    }
}
