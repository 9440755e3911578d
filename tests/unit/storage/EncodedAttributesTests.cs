using System.Text;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>The attributes of a key as they are found in encoded pages, against those of the same rows read whole.</summary>
public sealed class EncodedAttributesTests
{
    // Of one page after another, as a query has it.
    private static readonly AttributeOccurrences Space = new();

    private static readonly AttributeScope[] Scopes =
        [AttributeScope.Span, AttributeScope.Resource, AttributeScope.Scope, AttributeScope.Event, AttributeScope.Link];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Each_key_has_the_owners_and_values_that_whole_rows_have(int seed)
    {
        var requests = new RandomRequests(seed, traceCount: 60);
        var live = new LiveBatch();
        for (var i = 0; i < 150; i++) live.Append(requests.Next(), 64);
        var block = MemoryBlock.Write(new BlockWriterOptions { PageSpans = 40 * seed, RowGroupSpans = 200 }, [Spans.View(live)]);
        using var reader = block.Open();
        var batch = new SpanBatch();
        var (encoded, keys, values) = (0, 0, 0);
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            var rows = reader.OpenRowGroup(group);
            foreach (var (start, count) in rows.ScanRanges())
            {
                var whole = rows.Read(start, count, BatchColumns.All);
                rows.OpenInto(batch, start, count);
                foreach (var scope in Scopes)
                {
                    batch.RequireAttributes(scope, AttributeParts.KeyTable);
                    var table = Of(batch, scope).Attributes.KeyTable;
                    for (var code = 0; code < table.Count; code++)
                    {
                        var key = table[code].ToArray();
                        keys++;
                        if (!batch.Loader!.TryTakeAttribute(batch, scope, key, [code], (AttributeParts)(4 << code % 4), out var found))
                            continue;
                        encoded++;
                        values += AssertIsKeyOf(
                            whole, scope, key, found, $"seed {seed}, rows {start} + {count}, {scope}.{Encoding.UTF8.GetString(key)}");
                        Assert.True(batch.Loader.TryFindAttribute(scope, key, out var again));
                        Assert.Same(found, again);
                    }
                }
            }
        }

        // A page that has keys without a dictionary, or values in no simple encoding, is decoded; nearly none is.
        Assert.True(encoded > keys * 3 / 4 && values > 500, $"{encoded} of {keys} keys, {values} values");
    }

    [Fact]
    public void Owners_have_the_keys_and_values_that_whole_rows_have_whether_they_are_decoded_or_not()
    {
        var requests = new RandomRequests(seed: 5, traceCount: 60);
        var live = new LiveBatch();
        for (var i = 0; i < 150; i++) live.Append(requests.Next(), 64);
        var block = MemoryBlock.Write(new BlockWriterOptions { PageSpans = 60, RowGroupSpans = 200 }, [Spans.View(live)]);
        using var reader = block.Open();
        var random = new Random(5);
        var batch = new SpanBatch();
        var values = 0;
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            var rows = reader.OpenRowGroup(group);
            foreach (var (start, count) in rows.ScanRanges())
            {
                var whole = rows.Read(start, count, BatchColumns.All);
                foreach (var scope in Scopes)
                {
                    rows.OpenInto(batch, start, count);
                    // Decoded before: then they are taken from there.
                    if (random.Next(3) == 0) batch.RequireAttributes(scope, AttributeParts.Keys);
                    values += AssertAreOfOwners(whole, scope, batch.Loader!, batch, random, $"rows {start} + {count}, {scope}");
                }
            }
        }

        Assert.True(values > 500, $"{values} values");
    }

    private static int AssertAreOfOwners(
        SpanBatch whole, AttributeScope scope, ISpanColumnLoader loader, SpanBatch batch, Random random, string where)
    {
        var (attributes, starts, owners) = Of(whole, scope);
        var marks = new ulong[(owners + 63) / 64];
        for (var owner = 0; owner < owners; owner++)
            if (random.Next(2) == 0)
                marks[owner / 64] |= 1UL << owner;
        var found = loader.TakeAttributesOf(batch, scope, marks, Space);
        var next = 0;
        for (var owner = 0; owner < owners; owner++)
            for (var i = starts[owner]; i < starts[owner + 1] && (marks[owner / 64] >> owner & 1) != 0; i++, next++)
            {
                Assert.True(owner == found.Owners[next], $"{where}: owner {found.Owners[next]} for {owner}");
                Assert.True(attributes.Key(i).SequenceEqual(found.Values.Key(next)), $"{where}: another key");
                Assert.True(
                    Text(attributes, i) == Text(found.Values, next), $"{where}: {Text(found.Values, next)} for {Text(attributes, i)}");
            }

        Assert.True(next == found.Count, $"{where}: {found.Count} for {next}");
        return next;
    }

    /// <summary>Rows that are not a page, as in blocks of others.</summary>
    [Fact]
    public void Rows_that_are_no_page_are_left_to_who_decodes()
    {
        var requests = new RandomRequests(seed: 4, traceCount: 60);
        var live = new LiveBatch();
        for (var i = 0; i < 100; i++) live.Append(requests.Next(), 64);
        var block = MemoryBlock.Write(new BlockWriterOptions { PageSpans = 1000, RowGroupSpans = 1000 }, [Spans.View(live)]);
        using var reader = block.Open();
        var rows = reader.OpenRowGroup(0);
        var batch = new SpanBatch();
        rows.OpenInto(batch, 1, 3);
        batch.RequireAttributes(AttributeScope.Span, AttributeParts.KeyTable);
        Assert.False(batch.Loader!.TryTakeAttribute(batch, AttributeScope.Span, [], [0], AttributeParts.Texts, out _));
    }

    private static int AssertIsKeyOf(SpanBatch whole, AttributeScope scope, byte[] key, AttributeOccurrences found, string where)
    {
        var (attributes, starts, owners) = Of(whole, scope);
        var next = 0;
        for (var owner = 0; owner < owners; owner++)
        {
            for (var i = starts[owner]; i < starts[owner + 1]; i++)
            {
                if (!attributes.Key(i).SequenceEqual(key)) continue;
                Assert.True(next < found.Count, $"{where}: {found.Count} found");
                Assert.True(owner == found.Owners[next], $"{where}: owner {found.Owners[next]} for {owner}");
                Assert.True(
                    Text(attributes, i) == Text(found.Values, next), $"{where}: {Text(found.Values, next)} for {Text(attributes, i)}");
                next++;
            }
        }

        Assert.True(next == found.Count, $"{where}: {found.Count} for {next}");
        var distinct = found.Owners.AsSpan(0, found.Count).ToArray().Distinct().Count();
        Assert.True(found.IsRepeated == (distinct < found.Count), $"{where}: repeated {found.IsRepeated}");
        return next;
    }

    private static (AttributeColumns Attributes, int[] Starts, int Owners) Of(SpanBatch batch, AttributeScope scope) => scope switch
    {
        AttributeScope.Resource => (batch.Resources.Attributes, batch.Resources.AttributeStart, batch.Resources.Count),
        AttributeScope.Scope => (batch.Scopes.Attributes, batch.Scopes.AttributeStart, batch.Scopes.Count),
        AttributeScope.Event => (batch.Events.Attributes, batch.Events.AttributeStart, batch.Events.Count),
        AttributeScope.Link => (batch.Links.Attributes, batch.Links.AttributeStart, batch.Links.Count),
        _ => (batch.SpanAttributes, batch.AttributeStart, batch.SpanCount),
    };

    // What no condition can compare is left out; a list of one element is the element.
    private static string Text(AttributeColumns values, int i) => values.Types[i] switch
    {
        AttributeType.String => "text " + Encoding.UTF8.GetString(values.String(i)),
        AttributeType.Int or AttributeType.Double or AttributeType.Bool => $"{values.Types[i]} {values.Bits[i]}",
        AttributeType.StringArray =>
            string.Join(',', values.ArrayItems(i).ToArray().Select(item => "text " + Encoding.UTF8.GetString(values.Values[(int)item]))),
        AttributeType.IntArray => string.Join(',', values.ArrayItems(i).ToArray().Select(static item => $"Int {item}")),
        AttributeType.DoubleArray => string.Join(',', values.ArrayItems(i).ToArray().Select(static item => $"Double {item}")),
        AttributeType.BoolArray => string.Join(',', values.ArrayItems(i).ToArray().Select(static item => $"Bool {item}")),
        _ => "",
    };
}
