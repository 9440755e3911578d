using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Query.Tests;

/// <summary>What pools of queries keep for the next one.</summary>
public sealed class ScratchPoolTests
{
    [Fact]
    public void A_few_ordinary_ones_stay_until_memory_is_short()
    {
        var pool = new ScratchPool<SpanBatch>(maxKept: 1, static _ => { }, static _ => true);
        var (one, two) = (pool.Take(), pool.Take());
        pool.Return([one, two]);
        Assert.Same(one, pool.Take());
        Assert.NotSame(two, pool.Take());

        pool.Return(one);
        pool.LetGo();
        Assert.NotSame(one, pool.Take());
    }

    [Fact]
    public void What_is_not_ordinary_goes_and_leaves_what_is_another_s()
    {
        var released = 0;
        var pool = new ScratchPool<SpanBatch>(maxKept: 1, _ => released++, static _ => false);
        var one = pool.Take();
        pool.Return(one);
        Assert.Equal(1, released);
        Assert.NotSame(one, pool.Take());
    }
}
