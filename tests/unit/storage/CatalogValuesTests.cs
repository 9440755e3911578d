using System.Text;
using Tempo.Engine.Storage.Catalog;

namespace Tempo.Storage.Tests;

public sealed class CatalogValuesTests
{
    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(2, 40, 40)]
    [InlineData(3, 500, 0)]
    [InlineData(4, 0, 500)]
    public void Values_of_all_types_are_counted_in_the_order_of_their_first_appearance(int seed, int expectedTexts, int expectedNumbers)
    {
        var random = new Random(seed);
        var values = new CatalogValues();
        values.Reserve(expectedTexts, expectedTexts * 10, expectedNumbers);
        var order = new List<(CatalogValueType, string)>();
        var counts = new Dictionary<(CatalogValueType, string), long>();
        for (var i = 0; i < 4000; i++)
        {
            // The same bits in several types, the empty text and numbers below zero among them.
            var type = (CatalogValueType)random.Next(4);
            var number = random.Next(-200, 200);
            var text = type == CatalogValueType.Text ? number == 0 ? "" : $"text {number}" : $"{number}";
            var bits = type == CatalogValueType.Text ? values.InternText(Encoding.UTF8.GetBytes(text)) : number;
            var count = random.Next(1, 9);
            var isKnown = values.TryCount(type, bits, count);
            Assert.Equal(counts.ContainsKey((type, text)), isKnown);
            if (!isKnown)
            {
                values.Add(type, bits, count);
                order.Add((type, text));
            }

            counts[(type, text)] = counts.GetValueOrDefault((type, text)) + count;
        }

        var found = new List<(CatalogValueType, string, long)>();
        foreach (ref readonly var value in values.Entries)
            found.Add((value.Type, value.Type == CatalogValueType.Text
                ? Encoding.UTF8.GetString(values.TextOf(value.Bits))
                : $"{value.Bits}", value.Count));
        Assert.Equal(order.Select(value => (value.Item1, value.Item2, counts[value])), found);
        values.Release(); // the next case may get this memory, with what is in it
    }

    [Fact]
    public void A_text_that_was_never_handed_in_has_no_bits()
    {
        var values = new CatalogValues();
        Assert.Equal(-1, values.FindText("a"u8));
        var bits = values.InternText("a"u8);
        Assert.Equal(bits, values.FindText("a"u8));
        Assert.Equal(-1, values.FindText("b"u8));
        Assert.False(values.TryCount(CatalogValueType.Text, bits, 1));
    }
}
