using System.Runtime.InteropServices;
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
        var (dictionary, together) = (new NumberDictionary(), new NumberDictionary());
        var (values, indexes) = (new List<long>(), new List<int>());
        for (var round = 0; round < 2; round++)
        {
            var expected = new Dictionary<long, int>();
            for (var i = 0; i < 20_000; i++)
            {
                long value =
                    random.Next(3) switch { 0 => random.Next(range), 1 => -random.Next(range), _ => (long)random.Next(range) << 33 };
                if (!expected.TryGetValue(value, out var index)) expected.Add(value, index = expected.Count);
                Assert.Equal(index, dictionary.Index(value));
                values.Add(value);
                indexes.Add(index);
            }

            Assert.Equal(expected.Count, dictionary.Count);
            Assert.Equal(expected.OrderBy(static e => e.Value).Select(static e => e.Key), dictionary.Values.ToArray());
            var all = new int[values.Count];
            together.IndexIfOpen(CollectionsMarshal.AsSpan(values), all);
            Assert.Equal(indexes, all);
            Assert.Equal(dictionary.Values.ToArray(), together.Values.ToArray());
            dictionary.Clear();
            together.Clear();
            (values, indexes) = ([], []);
            Assert.Equal(0, dictionary.Count);
        }
    }

    [Fact]
    public void A_closed_dictionary_knows_what_it_has_and_takes_nothing_new()
    {
        var dictionary = new NumberDictionary();
        long[] values = [.. Enumerable.Range(0, NumberDictionary.MaxEntries + 1).Select(static i => i * 3L), 1, -1, 6,
            NumberDictionary.MaxEntries * 3L];
        var indexes = new int[values.Length];
        dictionary.IndexIfOpen(values, indexes);
        Assert.True(dictionary.IsClosed);
        Assert.Equal([.. Enumerable.Range(0, NumberDictionary.MaxEntries + 1), -1, -1, 2, NumberDictionary.MaxEntries], indexes);
    }
}
