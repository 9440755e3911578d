using Tempo.Engine.Storage.Blocks.Write;
using Xunit;

namespace Tempo.Storage.Tests.Write;

public class CodeMapTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_is_set_is_found_until_it_is_cleared(int seed)
    {
        var random = new Random(seed);
        var map = new CodeMap<ulong>();
        for (var round = 0; round < 3; round++)
        {
            var expected = new Dictionary<(int, int), ulong>();
            for (var i = 0; i < 2_000; i++)
            {
                var (batch, code) = (random.Next(20), random.Next(random.Next(2) == 0 ? 10 : 5_000));
                Assert.Equal(expected.GetValueOrDefault((batch, code)), map.Of(batch).Find(code));
                Assert.Equal(expected.GetValueOrDefault((batch, code)), map[batch, code]);
                map[batch, code] = expected[(batch, code)] = (ulong)random.NextInt64(1, long.MaxValue);
            }

            foreach (var ((batch, code), value) in expected) Assert.Equal(value, map.Of(batch).Find(code));
            map.Clear();
            foreach (var (batch, code) in expected.Keys) Assert.Equal(0u, map.Of(batch).Find(code));
        }
    }

    // A million texts that are all different once took 8 MB for each such map from then on.
    [Fact]
    public void Pages_beyond_what_ordinary_batches_need_are_not_kept()
    {
        var map = new CodeMap<ulong>();
        for (var code = 0; code < 1 << 20; code++) map[0, code] = 1;
        map.Clear();
        Assert.Equal(1024, map.FreePageCount);
        for (var code = 0; code < 1 << 20; code++) Assert.Equal(0u, map[0, code]);
    }
}
