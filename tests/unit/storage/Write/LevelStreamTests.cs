using Tempo.Engine.Storage.Blocks.Write;
using Xunit;

namespace Tempo.Storage.Tests.Write;

/// <summary>Both ways to the levels of children must end where Dremel's encoding, entry by entry, does.</summary>
public class LevelStreamTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Levels_of_children_are_Dremel_s(int seed)
    {
        var random = new Random(seed);
        var things = Things(random, depth: 1 + seed % 3);
        var share = seed % 5 == 0 ? 0 : random.NextDouble();
        var most = seed % 2 == 0 ? 1 : 4;
        int[] counts = [.. Enumerable.Range(0, things.PresentCount).Select(_ => random.NextDouble() < share ? 1 + random.Next(most) : 0)];
        int[] parents = [.. counts.SelectMany((count, thing) => Enumerable.Repeat(thing, count))];
        var fromCounts = new LevelStream(things.MaxRepetition + 1, things.MaxDefinition + 1);
        var fromParents = new LevelStream(things.MaxRepetition + 1, things.MaxDefinition + 1);
        fromCounts.Expand(things, counts);
        fromParents.ExpandOf(things, parents);
        var (repetition, definition) = ByDremel(things, counts);
        foreach (var levels in (LevelStream[])[fromCounts, fromParents])
        {
            Assert.Equal(repetition, levels.Repetition.ToArray());
            Assert.Equal(definition, levels.Definition.ToArray());
            Assert.Equal((repetition.Length, parents.Length), (levels.Count, levels.PresentCount));
        }

        // Encoded levels may be another stream's.
        var expectedPage = fromCounts.ToPage(1);
        var actualPage = fromParents.ToPage(1);
        Assert.Equal(expectedPage.NullCount, actualPage.NullCount);
        Assert.Equal(expectedPage.Repetition, actualPage.Repetition);
        Assert.Equal(expectedPage.Definition, actualPage.Definition);
    }

    [Fact]
    public void A_stream_that_borrowed_levels_has_its_own_again()
    {
        var things = Things(new Random(1), depth: 2);
        var levels = new LevelStream(things.MaxRepetition + 1, things.MaxDefinition + 1);
        levels.ExpandOf(things, []);
        Assert.Equal(things.Definition, levels.Definition);
        int[] parents = [0, 0, things.PresentCount - 1];
        levels.ExpandOf(things, parents);
        Assert.Equal(things.Count + 1, levels.Count);
        Assert.Equal(3, levels.Definition.Count((byte)(things.MaxDefinition + 1)));
    }

    private static (byte[] Repetition, byte[] Definition) ByDremel(LevelStream things, int[] counts)
    {
        var entries = new List<(int Repetition, int Definition)>();
        var thing = 0;
        for (var i = 0; i < things.Count; i++)
        {
            var isThere = things.Definition[i] == things.MaxDefinition;
            var count = isThere ? counts[thing++] : 0;
            entries.Add((things.Repetition[i], things.Definition[i] + Math.Min(1, count)));
            for (var n = 1; n < count; n++) entries.Add((things.MaxRepetition + 1, things.MaxDefinition + 1));
        }

        return ([.. entries.Select(static entry => (byte)entry.Repetition)], [.. entries.Select(static entry => (byte)entry.Definition)]);
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
