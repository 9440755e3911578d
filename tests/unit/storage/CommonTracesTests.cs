using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Storage.Tests;

/// <summary>What pairs of blocks have in common, within a bound.</summary>
public sealed class CommonTracesTests
{
    [Fact]
    public void A_pair_is_found_whoever_asks_first()
    {
        var common = new CommonTraces(1 << 20);
        TraceId[] ids = [new(1, 2), new(3, 4)];
        Assert.Null(Of(common, Block(1), Block(2)));
        Keep(common, Block(2), Block(1), ids);
        Assert.Same(ids, Of(common, Block(1), Block(2)));
        Assert.Same(ids, Of(common, Block(2), Block(1)));
        Assert.Null(Of(common, Block(1), Block(3)));
    }

    [Fact]
    public void All_pairs_of_three_hundred_blocks_are_kept_and_never_more_than_there_may_be()
    {
        const long Most = 16 << 20;
        var common = new CommonTraces(Most);
        for (var a = 0u; a < 300; a++)
            for (var b = 0u; b < a; b++)
                Keep(common, Block(a), Block(b), []);
        for (var a = 0u; a < 300; a++)
            for (var b = 0u; b < a; b++)
                Assert.NotNull(Of(common, Block(a), Block(b)));
        for (var a = 0u; a < 2000; a++)
        {
            Keep(common, Block(a), Block(10_000), new TraceId[4096]);
            Assert.InRange(common.SizeBytes, 1, Most);
        }

        Assert.Null(Of(common, Block(1), Block(0)));
        Assert.NotNull(Of(common, Block(1999), Block(10_000)));
        Keep(common, Block(0), Block(1), new TraceId[1 << 20]);
        Assert.Null(Of(common, Block(0), Block(1)));
    }

    [Fact]
    public void The_pair_that_nobody_asked_for_the_longest_time_goes_first()
    {
        var ids = new TraceId[128];
        var common = new CommonTraces(18 * (288 + ids.Length * TraceId.SizeBytes));
        for (var b = 1u; b <= 16; b++) Keep(common, Block(0), Block(b), ids);
        Assert.NotNull(Of(common, Block(0), Block(1)));
        for (var b = 17u; b <= 19; b++) Keep(common, Block(0), Block(b), ids);
        Assert.Equal([2u], Enumerable.Range(1, 19).Select(static b => (uint)b).Where(b => Of(common, Block(0), Block(b)) is null));
    }

    [Fact]
    public void What_a_block_had_in_common_goes_with_it()
    {
        var common = new CommonTraces(1 << 20);
        for (var a = 0u; a < 4; a++)
            for (var b = 0u; b < a; b++)
                Keep(common, Block(a), Block(b), [new TraceId(a, b)]);
        common.Remove(Block(2));
        common.Remove(Block(9));
        Assert.Null(Of(common, Block(0), Block(2)));
        Assert.Null(Of(common, Block(3), Block(2)));
        Assert.NotNull(Of(common, Block(3), Block(1)));
        foreach (var block in (uint[])[0, 1, 3]) common.Remove(Block(block));
        Assert.Equal(0, common.SizeBytes);
    }

    [Fact]
    public void Of_a_part_of_the_ids_what_is_found_out_is_added_to_what_is_known()
    {
        var random = new Random(1);
        for (var run = 0; run < 200; run++)
        {
            TraceId[] all = [.. Enumerable.Range(0, random.Next(0, 20)).Select(_ => Id(random.Next(40))).Distinct().Order()];
            var common = new CommonTraces(1 << 20);
            var known = new bool[42];
            for (var step = 0; step < 12; step++)
            {
                var (first, last) = Part(random);
                common.Keep(Block(1), Block(2), Id(first), Id(last), InCommonWithin(all, first, last));

                // One piece is known: the last one, with what touches it.
                var (from, to) = (first, last);
                while (from > 0 && known[from - 1]) from--;
                while (to < 40 && known[to + 1]) to++;
                var isKnown = Enumerable.Range(first, last - first + 1).All(id => known[id]);
                if (!isKnown) for (var id = 0; id < known.Length; id++) known[id] = id >= from && id <= to;
                for (var asked = 0; asked < 20; asked++)
                {
                    (first, last) = Part(random);
                    var found = common.Of(Block(2), Block(1), Id(first), Id(last));
                    InCommon? expected =
                        Enumerable.Range(first, last - first + 1).All(id => known[id]) ? InCommonWithin(all, first, last) : null;
                    Assert.Equal(expected?.Ids, found?.Ids);
                    Assert.Equal(expected?.Unequal, found?.Unequal);
                }
            }
        }

        static (int First, int Last) Part(Random random)
        {
            var first = random.Next(40);
            return (first, random.Next(first, 40));
        }

        static InCommon InCommonWithin(TraceId[] all, int first, int last) =>
            new(Within(all, first, last), [.. Within(all, first, last).Where(static id => id.Low % 3 == 0)]);

        static TraceId[] Within(TraceId[] all, int first, int last) =>
            [.. all.Where(id => id.Low >= (ulong)first && id.Low <= (ulong)last)];
    }

    [Fact]
    public void Where_all_that_is_known_is_too_much_the_last_part_is_kept()
    {
        var common = new CommonTraces(8 * (288 + 100 * TraceId.SizeBytes));
        common.Keep(Block(1), Block(2), Id(1), Id(90), new InCommon([.. Enumerable.Range(1, 90).Select(Id)], []));
        common.Keep(Block(1), Block(2), Id(91), Id(110), new InCommon([.. Enumerable.Range(91, 20).Select(Id)], []));
        Assert.Null(common.Of(Block(1), Block(2), Id(1), Id(2)));
        Assert.Equal(20, common.Of(Block(1), Block(2), Id(91), Id(110))!.Value.Ids.Length);
        Assert.Equal(288 + 20 * TraceId.SizeBytes, common.SizeBytes);
    }

    private static TraceId Id(int number) => new(0, (ulong)number);

    private static TraceId[]? Of(CommonTraces common, BlockId block, BlockId other) =>
        common.Of(block, other, default, TraceId.MaxValue)?.Ids;

    private static void Keep(CommonTraces common, BlockId block, BlockId other, TraceId[] ids) =>
        common.Keep(block, other, default, TraceId.MaxValue, new InCommon(ids, []));

    private static BlockId Block(uint number) => BlockId.Derive(number * 0x9E37_79B9_7F4A_7C15, number);
}
