using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Query.Tests;

/// <summary>Spans of a page counted at once, and rows chosen eight at a time, against plain loops.</summary>
public sealed class PageCountsTests
{
    private const long Step = 1000;

    [Fact]
    public void A_page_is_counted_by_code_and_interval()
    {
        var random = new Random(1);
        var counts = new PageCounts(new TimeAxis(Step, Step, 50));
        var counted = 0;
        for (var run = 0; run < 300; run++)
        {
            var spans = random.Next(1, 3000);
            var codeCount = random.Next(1, 12);
            var from = random.Next(0, 52_000);
            var starts = Enumerable.Range(0, spans).Select(_ => (ulong)(from + random.Next(run % 3 == 0 ? 1 : 4000))).ToArray();
            int[] codes, owners = [];
            if (run % 4 == 0) (codes, codeCount) = ([], 1);
            else if (run % 4 == 1) codes = [.. starts.Select(_ => random.Next(codeCount))];
            else (codes, owners) =
                ([.. Enumerable.Range(0, 40).Select(_ => random.Next(codeCount))], [.. starts.Select(_ => random.Next(40))]);
            var isInside = starts.All(static start => start is > 0 and <= 50_000);
            var isCounted = counts.TryCount(starts, codes, owners, codeCount);
            if (!isInside) Assert.False(isCounted);
            if (!isCounted) continue;
            counted++;
            var expected = Enumerable.Range(0, spans)
                .CountBy(i =>
                    (Code: codes.Length == 0 ? 0 : codes[owners.Length == 0 ? i : owners[i]], Interval: (int)((starts[i] - 1) / Step)))
                .ToDictionary();
            var actual = new Dictionary<(int Code, int Interval), int>();
            counts.ForEach(actual, static (all, code, interval, count) => all.Add((code, interval), count));
            Assert.Equal(expected.OrderBy(static cell => cell.Key), actual.OrderBy(static cell => cell.Key));
        }

        Assert.InRange(counted, 100, 299);
    }

    [Fact]
    public void A_code_beyond_the_table_is_not_used_as_a_place()
    {
        var counts = new PageCounts(new TimeAxis(Step, Step, 2));
        foreach (var isSpread in new[] { false, true })
        {
            var starts = Enumerable.Range(0, 100).Select(i => isSpread ? (ulong)(i * 10 + 600) : 5).ToArray();
            var codes = new int[100];
            codes[50] = 2;
            Assert.ThrowsAny<Exception>(() => counts.TryCount(starts, codes, [], 2));
        }
    }

    [Fact]
    public void Rows_are_chosen_as_the_scalar_kernel_chooses_them()
    {
        var random = new Random(2);
        for (var run = 0; run < 300; run++)
        {
            var axis = new TimeAxis(Step + random.Next(3), Step, random.Next(1, 20));
            var starts = Enumerable.Range(0, random.Next(200)).Select(_ => (ulong)random.Next(run % 2 == 0 ? 25_000 : 1500)).ToArray();
            if (starts.Length > 20) starts[random.Next(starts.Length)] = ulong.MaxValue - 3;
            var expected = Chosen(KernelKind.Scalar);
            foreach (var kernel in KernelChoice.Supported)
            {
                var actual = Chosen(kernel);
                Assert.Equal(expected.Rows, actual.Rows);
                Assert.Equal(expected.Intervals, actual.Intervals);
            }

            (int[] Rows, int[] Intervals) Chosen(KernelKind kernel)
            {
                int[] rows = new int[starts.Length], intervals = new int[starts.Length];
                var count = axis.SelectFirst(kernel, starts.Length, starts, [], [], rows, intervals);
                return (rows[..count], intervals[..count]);
            }
        }
    }

    [Fact]
    public void An_owner_is_found_from_wherever_one_looks()
    {
        var random = new Random(3);
        for (var run = 0; run < 200; run++)
        {
            var owners = Enumerable.Range(0, random.Next(60)).Select(_ => random.Next(80)).Order().ToArray();
            var found = AttributeOccurrencesOf(owners);
            for (var i = 0; i < 100; i++)
            {
                var owner = random.Next(-1, 82);
                var expected = owners.Count(other => other < owner);
                Assert.Equal(expected, found.IndexFrom(random.Next(0, 70), owner));
            }
        }
    }

    private static AttributeOccurrences AttributeOccurrencesOf(int[] owners)
    {
        // One attribute each, at the place of its owner.
        var starts = new int[82];
        for (var owner = 0; owner <= 80; owner++) starts[owner + 1] = owners.Count(other => other <= owner);
        var attributes = new AttributeColumns { Types = new AttributeType[owners.Length], Bits = new long[owners.Length] };
        var places = new ulong[(owners.Length + 63) / 64];
        for (var i = 0; i < owners.Length; i++) places[i / 64] |= 1UL << i;
        var found = new AttributeOccurrences();
        found.Gather(attributes, starts, places);
        Assert.Equal(owners, found.Owners.AsSpan(0, found.Count).ToArray());
        return found;
    }
}
