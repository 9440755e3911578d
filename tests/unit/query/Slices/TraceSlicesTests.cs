using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Slices;

/// <summary>How all trace ids are divided: without gap or overlap, by the data, and never with an error.</summary>
public sealed class TraceSlicesTests
{
    private const ulong SecondNano = 1_000_000_000;
    private const int Traces = 600;

    public static TheoryData<string, int> Spreads()
    {
        var data = new TheoryData<string, int>();
        foreach (var ids in new[] { "random", "64 bits", "by time", "counted" })
            foreach (var rowGroupSpans in new[] { 5, 60, 100_000 })
                data.Add(ids, rowGroupSpans);
        return data;
    }

    [Theory]
    [MemberData(nameof(Spreads))]
    public async Task Each_slice_has_about_the_same_whatever_the_ids(string ids, int rowGroupSpans)
    {
        using var store = new TestStore(pageSpans: 5, rowGroupSpans);
        var random = new Random(1);
        var all = Enumerable.Range(0, Traces).Select(i => ids switch
        {
            "random" => new TraceId((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64()),
            "64 bits" => new TraceId(0, (ulong)random.NextInt64(long.MinValue, long.MaxValue)),
            "by time" => new TraceId((1_700_000_000UL + (ulong)i) << 32 | (uint)random.Next(), (ulong)random.NextInt64()),
            _ => new TraceId(0, (ulong)i + 1),
        }).ToList();
        var sources = new TraceSources(
            [], [.. await store.Block(all.Where(static (_, i) => i % 3 == 0).Select(Span)),
                .. await store.Block(all.Where(static (_, i) => i % 3 > 0).Select(Span))]);
        for (var count = 1; count <= 7; count++)
        {
            var slices = await TraceSlices.DivideAsync(sources, 0, 0, count, default);
            CheckThatAllIdsAreInOne(slices);
            Assert.Equal(count, slices.Count);
            var share = Traces / count;
            Assert.All(slices, slice => Assert.InRange(all.Count(id => slice.Contains(id)), share * 0.6, share * 1.4));
        }
    }

    /// <summary>Of a block with many row groups some are asked for their pages, and stand for the others.</summary>
    [Fact]
    public async Task Row_groups_that_are_not_asked_count_as_those_that_are()
    {
        using var store = new TestStore(pageSpans: 1, rowGroupSpans: 4);
        var large = Enumerable.Range(1, 200).Select(static i => new TraceId(2, (ulong)i)).ToList();
        var small = Enumerable.Range(1, 12).Select(static i => new TraceId(1, (ulong)i)).ToList();
        var sources = new TraceSources([], [.. await store.Block(small.Select(Span)), .. await store.Block(large.Select(Span))]);
        var slices = await TraceSlices.DivideAsync(sources, 0, 0, 7, default);
        CheckThatAllIdsAreInOne(slices);
        Assert.All(slices, slice => Assert.InRange(small.Concat(large).Count(id => slice.Contains(id)), 15, 50));
    }

    [Fact]
    public async Task With_few_traces_there_are_few_slices()
    {
        using var store = new TestStore(pageSpans: 1, rowGroupSpans: 1);
        Assert.Equal(TraceSlice.All, Assert.Single(await TraceSlices.DivideAsync(new TraceSources([], []), 0, 0, 5, default)));
        Assert.Equal(TraceSlice.All, Assert.Single(
            await TraceSlices.DivideAsync(new TraceSources(TestStore.Live([Span(new TraceId(0, 1))]), []), 0, 0, 5, default)));
        for (var traces = 1; traces <= 8; traces++)
        {
            // The same in several blocks: an id is in one slice, however many row groups end with it.
            var spans = Enumerable.Range(1, traces).Select(static i => Span(new TraceId((ulong)i % 2, (ulong)i))).ToList();
            var slices = await TraceSlices.DivideAsync(
                new TraceSources([], [.. await store.Block(spans), .. await store.Block(spans), .. await store.Block(spans)]), 0, 0, 5,
                default);
            CheckThatAllIdsAreInOne(slices);
            Assert.InRange(slices.Count, Math.Min(traces, 3), Math.Min(traces, 5));
            Assert.All(slices, slice => Assert.Contains(spans, span => slice.Contains(span.TraceId)));
        }
    }

    [Fact]
    public async Task Ids_at_both_ends_of_the_order_are_cut_without_an_empty_slice()
    {
        using var store = new TestStore(pageSpans: 1, rowGroupSpans: 1);
        TraceId[] ids = [new(0, 1), new(0, ulong.MaxValue), new(1, 0), new(ulong.MaxValue, ulong.MaxValue - 1), TraceId.MaxValue];
        var slices = await TraceSlices.DivideAsync(new TraceSources([], await store.Block(ids.Select(Span))), 0, 0, 5, default);
        CheckThatAllIdsAreInOne(slices);
        Assert.Equal(5, slices.Count);
        Assert.All(slices, slice => Assert.Single(ids, id => slice.Contains(id)));
    }

    [Fact]
    public async Task Blocks_outside_of_the_time_and_such_as_cannot_be_read_do_not_count()
    {
        using var store = new TestStore(pageSpans: 1, rowGroupSpans: 3);
        var old = await store.Block(
            Enumerable.Range(1, 40).Select(static i => Span(new TraceId(1, (ulong)i)) with { StartUnixNano = 1_600_000_000 * SecondNano }));
        var recent = await store.Block(Enumerable.Range(1, 40).Select(static i => Span(new TraceId(2, (ulong)i))));
        var damaged = await store.Block(Enumerable.Range(1, 90).Select(static i => Span(new TraceId(3, (ulong)i))));
        store.DamageFooter(damaged[0]);
        var sources = new TraceSources([], [.. damaged, .. old, .. recent]) { EndsIfBlockVanishes = true };
        var slices = await TraceSlices.DivideAsync(sources, 1_650_000_000, 0, 2, default);
        CheckThatAllIdsAreInOne(slices);
        Assert.Equal(2UL, slices[0].Last.High);
        Assert.InRange(slices[0].Last.Low, 15UL, 25UL);
        Assert.Null(old[0].OpenReader);

        // The query begins anew without it; whoever only divides goes on.
        var vanished = new TraceSources(
            [], await store.Block(Enumerable.Range(1, 40).Select(static i => Span(new TraceId(4, (ulong)i)))))
        {
            EndsIfBlockVanishes = true
        };
        store.Delete(vanished.Blocks[0]);
        Assert.Equal(TraceSlice.All, Assert.Single(await TraceSlices.DivideAsync(vanished, 0, 0, 2, default)));
        await Assert.ThrowsAsync<VanishedBlockException>(
            () => TraceSearch.RunAsync(new SearchRequest { Query = "{ name = `op` }" }, vanished, default));
    }

    [Fact]
    public async Task Of_many_blocks_no_more_than_64_are_opened()
    {
        using var store = new TestStore(openBlockBytes: 64 << 20);
        var blocks = new List<BlockHandle>();
        for (var i = 1UL; i <= 70; i++) blocks.AddRange(await store.Block([Span(new TraceId(0, i))]));

        Assert.Equal(2, (await TraceSlices.DivideAsync(new TraceSources([], blocks), 0, 0, 2, default)).Count);
        Assert.InRange(store.OpenCount, 35, 40);
        Assert.Equal(3, (await TraceSlices.DivideAsync(new TraceSources([], blocks), 0, 0, 3, default)).Count);
        Assert.Equal(64, store.OpenCount);

    }

    [Fact]
    public async Task Small_blocks_are_not_opened_beside_one_that_has_most_of_the_bytes()
    {
        using var store = new TestStore(openBlockBytes: 64 << 20);
        var blocks = new List<BlockHandle>();
        for (var i = 1UL; i <= 20; i++) blocks.AddRange(await store.Block([Span(new TraceId(0, i))]));
        blocks.AddRange(await store.Block(Enumerable.Range(1, 900).Select(static i => Span(new TraceId(1, (ulong)i)))));
        var slices = await TraceSlices.DivideAsync(new TraceSources([], blocks), 0, 0, 3, default);
        CheckThatAllIdsAreInOne(slices);
        Assert.Equal(3, slices.Count);
        Assert.Equal(8, store.OpenCount);
    }

    private static void CheckThatAllIdsAreInOne(IReadOnlyList<TraceSlice> slices)
    {
        Assert.Equal(default, slices[0].First);
        Assert.Equal(TraceId.MaxValue, slices[^1].Last);
        for (var i = 0; i < slices.Count; i++)
        {
            Assert.True(slices[i].First.CompareTo(slices[i].Last) <= 0);
            if (i > 0) Assert.Equal(slices[i - 1].Last.Next, slices[i].First);
        }
    }

    private static TestSpan Span(TraceId id) => new()
    {
        TraceId = id,
        Id = 1,
        Name = "op",
        StartUnixNano = 1_700_000_000 * SecondNano,
        Resource = new TestResource(new Attributes { { "service.name", "shop" } }),
    };
}
