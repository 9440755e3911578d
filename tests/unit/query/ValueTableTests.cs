using Tempo.Engine.Query;
using System.Globalization;
using System.Text;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Series;

namespace Tempo.Query.Tests;

/// <summary>Values of labels: numbers, labels and their order are the same wherever the memory comes from.</summary>
public sealed class ValueTableTests
{
    [Fact]
    public void A_table_of_rented_memory_numbers_as_one_of_its_own()
    {
        // The second round gets the memory that the first has written to.
        for (var round = 0; round < 2; round++)
        {
            var own = new ValueTable(new MemoryBudget(long.MaxValue, QueryMemory.OfProcess));
            var rented =
                new ValueTable(new MemoryBudget(long.MaxValue, QueryMemory.OfProcess), expectedCount: 1, expectedBytes: 16, isRented: true);
            var merged =
                new ValueTable(new MemoryBudget(long.MaxValue, QueryMemory.OfProcess), expectedCount: 1, expectedBytes: 16, isRented: true);
            foreach (var value in Values().Concat(Values())) Assert.Equal(own.Intern(value), rented.Intern(value));
            Assert.Equal(own.Count, rented.Count);
            for (var id = own.Count - 1; id >= 0; id--) Assert.Equal(own.Label(id), merged.Label(merged.InternFrom(rented, id)));
            Assert.Same(own.Label(own.Count - 1), own.Label(own.Count - 1));
            rented.Release();
            merged.Release();
        }
    }

    [Fact]
    public void Values_are_in_the_order_of_their_labels()
    {
        var table = new ValueTable(new MemoryBudget(long.MaxValue, QueryMemory.OfProcess));
        var ids = Values().Take(60).Select(value => table.Intern(value)).Where(static id => id != 0).ToList();
        foreach (var a in ids)
            foreach (var b in ids)
                Assert.Equal(Math.Sign(LabelOrder.CompareValues(table.Label(a)!, table.Label(b)!)), Math.Sign(table.CompareLabels(a, b)));
    }

    private static IEnumerable<FieldValue> Values()
    {
        string[] texts = ["", "a", "A", "ab", "é", "\uFFFD", "😀", "\uE000", "10", "9"];
        foreach (var text in texts) yield return FieldValue.Text(Encoding.UTF8.GetBytes(text));
        foreach (var number in new long[] { 0, -1, 9, 10, long.MaxValue }) yield return FieldValue.Number(FieldType.Int, number);
        foreach (var number in new[] { 0, 9.5, -1 }) yield return FieldValue.Float(number);
        yield return FieldValue.Nil;
        yield return FieldValue.Bool(true);
        yield return FieldValue.Bool(false);
        yield return FieldValue.Number(FieldType.Duration, 1_500_000_000);
        yield return FieldValue.Number(FieldType.Status, 1);
        yield return FieldValue.Number(FieldType.Kind, 2);
        for (var i = 0; i < 5000; i++) yield return FieldValue.Text(Encoding.UTF8.GetBytes(i.ToString(CultureInfo.InvariantCulture)));
    }
}
