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
        Assert.Null(common.Of(Block(1), Block(2)));
        common.Keep(Block(2), Block(1), ids);
        Assert.Same(ids, common.Of(Block(1), Block(2)));
        Assert.Same(ids, common.Of(Block(2), Block(1)));
        Assert.Null(common.Of(Block(1), Block(3)));
    }

    [Fact]
    public void All_pairs_of_three_hundred_blocks_are_kept_and_never_more_than_there_may_be()
    {
        const long Most = 16 << 20;
        var common = new CommonTraces(Most);
        for (var a = 0u; a < 300; a++)
            for (var b = 0u; b < a; b++)
                common.Keep(Block(a), Block(b), []);
        for (var a = 0u; a < 300; a++)
            for (var b = 0u; b < a; b++)
                Assert.NotNull(common.Of(Block(a), Block(b)));
        for (var a = 0u; a < 2000; a++)
        {
            common.Keep(Block(a), Block(10_000), new TraceId[4096]);
            Assert.InRange(common.SizeBytes, 1, Most);
        }

        Assert.Null(common.Of(Block(1), Block(0)));
        Assert.NotNull(common.Of(Block(1999), Block(10_000)));
        common.Keep(Block(0), Block(1), new TraceId[1 << 20]);
        Assert.Null(common.Of(Block(0), Block(1)));
    }

    [Fact]
    public void The_pair_that_nobody_asked_for_the_longest_time_goes_first()
    {
        var ids = new TraceId[128];
        var common = new CommonTraces(18 * (256 + ids.Length * TraceId.SizeBytes));
        for (var b = 1u; b <= 16; b++) common.Keep(Block(0), Block(b), ids);
        Assert.NotNull(common.Of(Block(0), Block(1)));
        for (var b = 17u; b <= 19; b++) common.Keep(Block(0), Block(b), ids);
        Assert.Equal([2u], Enumerable.Range(1, 19).Select(static b => (uint)b).Where(b => common.Of(Block(0), Block(b)) is null));
    }

    [Fact]
    public void What_a_block_had_in_common_goes_with_it()
    {
        var common = new CommonTraces(1 << 20);
        for (var a = 0u; a < 4; a++)
            for (var b = 0u; b < a; b++)
                common.Keep(Block(a), Block(b), [new TraceId(a, b)]);
        common.Remove(Block(2));
        common.Remove(Block(9));
        Assert.Null(common.Of(Block(0), Block(2)));
        Assert.Null(common.Of(Block(3), Block(2)));
        Assert.NotNull(common.Of(Block(3), Block(1)));
        foreach (var block in (uint[])[0, 1, 3]) common.Remove(Block(block));
        Assert.Equal(0, common.SizeBytes);
    }

    private static BlockId Block(uint number) => BlockId.Derive(number * 0x9E37_79B9_7F4A_7C15, number);
}
