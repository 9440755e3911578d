using Tempo.Engine.Generator.Registry;

namespace Tempo.Generator.Tests.Registry;

/// <summary>Native histograms against a list of all values.</summary>
public sealed class NativeHistogramTests
{
    private static readonly NativeHistogramLimits Limits = new(3, 100, long.MaxValue);

    [Theory]
    [InlineData(1.1, 3)]
    [InlineData(2, 0)]
    [InlineData(4, -1)]
    [InlineData(1.0001, 8)]
    [InlineData(1e9, -4)]
    public void The_resolution_is_the_coarsest_that_is_fine_enough(double factor, int schema) =>
        Assert.Equal(schema, NativeHistogram.SchemaOf(factor));

    [Fact]
    public void Bounds_belong_to_the_bucket_below_them()
    {
        for (var schema = -4; schema <= 8; schema++)
            for (var index = -60; index <= 60; index++)
            {
                var bound = NativeHistogram.BoundOf(index, schema);
                if (bound is 0 or double.PositiveInfinity) continue;
                Assert.Equal(index, NativeHistogram.IndexOf(bound, schema));
                Assert.Equal(index + 1, NativeHistogram.IndexOf(Math.BitIncrement(bound), schema));
            }
    }

    [Fact]
    public void Every_bucket_counts_what_lies_in_it_whatever_the_resolution_became()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var histogram = new NativeHistogram(3, 0);
            var values = Enumerable.Range(0, random.Next(1, 300))
                .Select(_ => random.Next(20) == 0 ? 0 : Math.Pow(10, random.NextDouble() * random.Next(1, 15) - 7)).ToArray();
            foreach (var value in values) histogram.Observe(value, 1, Limits, 0);
            Assert.Equal(values.Length, histogram.Count);
            Assert.Equal(values.Count(static v => v == 0), histogram.ZeroCount);
            Assert.Equal(values.Sum(), histogram.Sum, values.Sum() * 1e-9);
            Assert.InRange(histogram.Buckets.Length, 0, 100);
            for (var i = 0; i < histogram.Buckets.Length; i++)
            {
                var index = histogram.FirstIndex + i;
                var expected = values.Count(value => value > 0 && NativeHistogram.IndexOf(value, histogram.Schema) == index);
                Assert.True(expected == histogram.Buckets[i], $"seed {seed}, round {round}, bucket {index}");
            }
        }
    }

    [Fact]
    public void An_old_one_begins_anew_instead_of_growing_coarse()
    {
        var limits = new NativeHistogramLimits(3, 4, 1000);
        var histogram = new NativeHistogram(3, 0);
        histogram.Observe(1, 1, limits, 0);
        histogram.Observe(1000, 1, limits, 999);
        Assert.Equal((2, true), (histogram.Count, histogram.Schema < 3));
        histogram.Observe(1e9, 1, limits, 1000);
        Assert.Equal((1, 3), (histogram.Count, histogram.Schema));
    }

    [Theory]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.MaxValue)]
    [InlineData(double.Epsilon)]
    [InlineData(0)]
    public void Extreme_values_are_counted(double value)
    {
        var histogram = new NativeHistogram(3, 0);
        histogram.Observe(1, 1, Limits, 0);
        histogram.Observe(value, 1, Limits, 0);
        Assert.Equal(2, histogram.Count);
    }
}
