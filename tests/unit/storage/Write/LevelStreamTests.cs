using Tempo.Engine.Storage.Blocks.Write;
using Xunit;

namespace Tempo.Storage.Tests.Write;

/// <summary>The short way to the levels of values (no thing has two) must end where the general way does.</summary>
public class LevelStreamTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Levels_of_single_values_are_those_of_the_general_way(int seed)
    {
        var random = new Random(seed);
        var things = Things(random, depth: 1 + seed % 3);
        var share = seed % 5 == 0 ? 0 : random.NextDouble();
        int[] parents = [.. Enumerable.Range(0, things.PresentCount).Where(_ => random.NextDouble() < share)];
        var expected = new LevelStream(things.MaxRepetition + 1, things.MaxDefinition + 1);
        var actual = new LevelStream(things.MaxRepetition + 1, things.MaxDefinition + 1);
        expected.ExpandOf(things, parents, isSingle: false);
        actual.ExpandOf(things, parents, isSingle: true);
        Assert.Equal(expected.Count, actual.Count);
        Assert.Equal(expected.PresentCount, actual.PresentCount);
        Assert.Equal(expected.Repetition, actual.Repetition);
        Assert.Equal(expected.Definition, actual.Definition);
        var expectedPage = expected.ToPage(1);
        var actualPage = actual.ToPage(1);
        Assert.Equal(expectedPage.NullCount, actualPage.NullCount);
        Assert.Equal(expectedPage.Repetition, actualPage.Repetition);
        Assert.Equal(expectedPage.Definition, actualPage.Definition);
    }

    [Fact]
    public void A_stream_that_borrowed_levels_has_its_own_again()
    {
        var things = Things(new Random(1), depth: 2);
        var levels = new LevelStream(things.MaxRepetition + 1, things.MaxDefinition + 1);
        levels.ExpandOf(things, [], isSingle: true);
        Assert.Equal(things.Definition, levels.Definition);
        int[] parents = [0, 0, things.PresentCount - 1];
        levels.ExpandOf(things, parents, isSingle: false);
        Assert.Equal(things.Count + 1, levels.Count);
        Assert.Equal(3, levels.Definition.Count((byte)(things.MaxDefinition + 1)));
    }

    // Things that deep below rows; at each depth some have none below them.
    private static LevelStream Things(Random random, int depth)
    {
        var things = new LevelStream(0, 0);
        things.SetRows(1 + random.Next(300));
        for (var d = 1; d <= depth; d++)
        {
            var counts = new int[things.PresentCount];
            for (var i = 0; i < counts.Length; i++) counts[i] = random.Next(4) == 0 ? 0 : random.Next(10);
            counts[^1] = 1; // at least one
            var below = new LevelStream(d, d);
            below.Expand(things, counts);
            things = below;
        }

        return things;
    }
}
