using Tempo.Engine.Storage.Blocks.Write;
using Xunit;

namespace Tempo.Storage.Tests.Write;

/// <summary>Indexes in order of appearance, for small numbers, which have places of their own, and for all others.</summary>
public class NumberDictionaryTests
{
    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 70_000)]
    public void Indexes_are_those_of_first_appearance(int seed, int range)
    {
        var random = new Random(seed);
        var dictionary = new NumberDictionary();
        for (var round = 0; round < 2; round++)
        {
            var expected = new Dictionary<long, int>();
            for (var i = 0; i < 20_000; i++)
            {
                long value = random.Next(3) switch { 0 => random.Next(range), 1 => -random.Next(range), _ => (long)random.Next(range) << 33 };
                if (!expected.TryGetValue(value, out var index)) expected.Add(value, index = expected.Count);
                Assert.Equal(index, dictionary.Index(value));
            }

            Assert.Equal(expected.Count, dictionary.Count);
            Assert.Equal(expected.OrderBy(static e => e.Value).Select(static e => e.Key), dictionary.Values.ToArray());
            dictionary.Clear();
            Assert.Equal(0, dictionary.Count);
        }
    }

    [Fact]
    public void A_closed_dictionary_knows_what_it_has_and_takes_nothing_new()
    {
        var dictionary = new NumberDictionary();
        for (long i = 0; i <= NumberDictionary.MaxEntries; i++) Assert.Equal(i, dictionary.IndexIfOpen(i * 3));
        Assert.True(dictionary.IsClosed);
        Assert.Equal(-1, dictionary.IndexIfOpen(1));
        Assert.Equal(-1, dictionary.IndexIfOpen(-1));
        Assert.Equal(2, dictionary.IndexIfOpen(6));
        Assert.Equal(NumberDictionary.MaxEntries, dictionary.IndexIfOpen(NumberDictionary.MaxEntries * 3L));
    }
}
