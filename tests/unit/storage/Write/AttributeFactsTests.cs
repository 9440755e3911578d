using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Catalog;
using Xunit;

namespace Tempo.Storage.Tests.Write;

/// <summary>What the facts count, against a dictionary that counts the same; twice, because they are used again.</summary>
public class AttributeFactsTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_pair_is_counted_once(int seed)
    {
        var random = new Random(seed);
        var facts = new AttributeFacts();
        var ints = new NumberDictionary();
        for (var rowGroup = 0; rowGroup < 2; rowGroup++)
        {
            var expected = new Dictionary<(int, CatalogValueType, long), int>();
            for (var page = 0; page < 3; page++) AddPage(random, facts, ints, expected);
            FactPair[] buffer = [];
            var pairs = facts.Collect(ref buffer, ints.Values).ToArray();
            Assert.Equal(expected.Count, facts.PairCount);
            Assert.Equal(expected.OrderBy(static p => p.Key),
                pairs.Select(static p => KeyValuePair.Create((p.Key, p.Type, p.Bits), p.Count)).OrderBy(static p => p.Key));
            Assert.Equal(Keys, facts.KeyCount);
            facts.Clear();
            ints.Clear();
            Assert.Equal(0, facts.PairCount);
        }
    }

    private const int Keys = 7; // more than two keys have the same value, which is the rare way

    private static void AddPage(
        Random random, AttributeFacts facts, NumberDictionary ints, Dictionary<(int, CatalogValueType, long), int> expected)
    {
        int[] keys = [.. Enumerable.Range(0, 500).Select(_ => random.Next(Keys)), .. Enumerable.Range(0, Keys)];
        foreach (var key in keys) facts.AddKey(key, CatalogTypes.Text, ownerCount: 1);
        List<int> textThings = [], texts = [], intThings = [], indexes = [];
        List<long> values = [];
        for (var thing = 0; thing < keys.Length; thing++)
        {
            var value = random.NextInt64(-5, 40);
            switch (random.Next(4))
            {
                case 0:
                    textThings.Add(thing);
                    texts.Add((int)Math.Abs(value));
                    Count(CatalogValueType.Text, Math.Abs(value));
                    break;
                case 1:
                    value = random.Next(3) == 0 ? value << 40 : value;
                    intThings.Add(thing);
                    values.Add(value);
                    indexes.Add(ints.Index(value));
                    Count(CatalogValueType.Int, value);
                    break;
                case 2:
                    facts.AddBool(keys[thing], value > 10);
                    Count(CatalogValueType.Bool, value > 10 ? 1 : 0);
                    break;
                default:
                    facts.AddDouble(keys[thing], value);
                    Count(CatalogValueType.Double, value);
                    break;
            }

            void Count(CatalogValueType type, long bits) =>
                expected[(keys[thing], type, bits)] = expected.GetValueOrDefault((keys[thing], type, bits)) + 1;
        }

        facts.AddTexts(keys, [.. textThings], [.. texts]);
        facts.AddInts(keys, [.. intThings], [.. indexes], [.. values]);
    }

    [Fact]
    public void Integers_without_an_index_are_counted_by_their_value()
    {
        var facts = new AttributeFacts();
        facts.AddKey(0, CatalogTypes.Int, 3);
        facts.AddInts(0, [-1, -1, -1], [5, 1L << 50, 5]);
        FactPair[] buffer = [];
        var pairs = facts.Collect(ref buffer, []).ToArray();
        Assert.Equal([(5L, 2), (1L << 50, 1)], pairs.Select(static p => (p.Bits, p.Count)));
    }
}
