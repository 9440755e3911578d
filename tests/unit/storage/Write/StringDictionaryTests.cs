using System.Text;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;
using Xunit;

namespace Tempo.Storage.Tests.Write;

/// <summary>Texts that are looked up together are what they are one by one: indexes, entries and their order, bytes of text.</summary>
public class StringDictionaryTests
{
    [Theory]
    [InlineData(1, 7)]
    [InlineData(2, 300)]
    [InlineData(3, 20_000)]
    public void Texts_that_wait_get_the_indexes_of_those_that_do_not(int seed, int distinct)
    {
        var random = new Random(seed);
        var batches = Enumerable.Range(0, 3).Select(_ => BatchOf(random, distinct)).ToArray();
        var (oneLoad, manyLoad) = (new PageLoad(), new PageLoad());
        var (one, many) = (new StringDictionary(oneLoad), new StringDictionary(manyLoad));
        for (var round = 0; round < 2; round++)
        {
            var (expected, column) = (new List<int>(), new int[5_000]);
            for (var at = 0; at < column.Length; at++)
            {
                var batch = random.Next(batches.Length);
                var code = random.Next(batches[batch].Count);
                expected.Add(one.Index(batch, batches[batch], code));
                column[at] = code;
                many.Index(batch, batches[batch], column.AsSpan(at, 1), at);
                if (random.Next(100) == 0) many.Resolve(column);
            }

            many.Resolve(column);
            Assert.Equal(expected, column);
            Assert.Equal(Texts(one), Texts(many));
            Assert.Equal((oneLoad.TextBytes, one.SizeBytes), (manyLoad.TextBytes, many.SizeBytes));
            one.Clear();
            many.Clear();
        }
    }

    private static List<string> Texts(StringDictionary dictionary) =>
        [.. Enumerable.Range(0, dictionary.Count).Select(i => Convert.ToHexString(dictionary.Text(i)))];

    // Batches share texts. The empty one is code 0, and one of sixteen is no UTF-8.
    private static InternTable BatchOf(Random random, int distinct)
    {
        var table = new InternTable();
        for (var i = 0; i < distinct; i++)
        {
            var text =
                Encoding.UTF8.GetBytes($"{random.Next(distinct * 2)} of this length or another".AsSpan(0, random.Next(1, 26)).ToString());
            if (random.Next(16) == 0) text[^1] = 0xFF;
            table.InternRaw(text);
        }

        return table;
    }
}
