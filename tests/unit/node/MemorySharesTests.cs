using Tempo.Engine.Node;

namespace Tempo.Node.Tests;

/// <summary>What each part takes at the most by default, by the memory there is.</summary>
public sealed class MemorySharesTests
{
    [Theory]
    [InlineData(384, 96)]
    [InlineData(16, 48)]
    [InlineData(64 << 10, 16 << 10)]
    public void Live_data_has_a_quarter_of_the_memory(long availableMiB, long liveMiB) =>
        Assert.Equal(liveMiB << 20, new MemoryShares(availableMiB << 20).LiveBytes);

    [Theory]
    [InlineData(65536, 1, 1)]
    [InlineData(65536, 2, 1)]
    [InlineData(65536, 8, 4)]
    [InlineData(65536, 64, 16)]
    [InlineData(2048, 64, 2)]
    [InlineData(512, 64, 1)]
    public void Merges_have_half_of_the_processors_and_an_eighth_of_the_memory(long availableMiB, int processors, int merges) =>
        Assert.Equal(merges, new MemoryShares(availableMiB << 20).MergesBeside(processors));

    [Theory]
    [InlineData(192, 24, 12, 12, 1)]
    [InlineData(384, 48, 24, 24, 2)]
    [InlineData(64 << 10, 96, 64, 32, 2)]
    public void What_is_kept_for_queries_and_cuts_beside_each_other_go_by_the_memory(
        long availableMiB, long columnsMiB, long blocksMiB, long dictionariesMiB, int cuts)
    {
        var shares = new MemoryShares(availableMiB << 20);
        Assert.Equal((columnsMiB << 20, blocksMiB << 20, dictionariesMiB << 20, cuts),
            (shares.ColumnCacheBytes, shares.BlockCacheBytes, shares.DictionaryCacheBytes, shares.RunningCuts(2)));
    }
}
