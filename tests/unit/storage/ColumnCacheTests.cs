using System.Numerics;
using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>Columns that are kept from query to query: the same ones, within the bound, and nobody writes to them.</summary>
public sealed class ColumnCacheTests
{
    private const BatchColumns Kept = BatchColumns.Spans | BatchColumns.Name | BatchColumns.ResourceServiceNames;

    private static readonly MemoryBlock Block = Write();

    private static MemoryBlock Write()
    {
        var requests = new RandomRequests(seed: 11, traceCount: 60);
        var batch = new LiveBatch();
        for (var i = 0; i < 120; i++) batch.Append(requests.Next(), 64);
        return MemoryBlock.Write(new BlockWriterOptions { PageSpans = 20, RowGroupSpans = 100 }, [Spans.View(batch)]);
    }

    [Fact]
    public void What_was_unpacked_once_is_lent_and_equals_what_the_file_says()
    {
        var cache = new ColumnCache(16 << 20);
        using var block = Open(cache);
        using var uncached = Block.Open();
        var batch = new SpanBatch();
        // One batch for all pages, twice: what it borrowed in the second round must survive that it goes on to the next page.
        for (var round = 0; round < 3; round++)
        {
            for (var group = 0; group < block.RowGroupCount; group++)
            {
                var rows = block.OpenRowGroup(group);
                foreach (var (start, count) in rows.ScanRanges())
                {
                    rows.OpenInto(batch, start, count);
                    batch.Require(Kept);
                    AssertEqual(rows.Read(start, count, BatchColumns.All), batch);
                    if (round > 0) Assert.Equal(0, LazyBytes(block, group, start, count));
                    // A page that nothing is lent for, in between.
                    if (round == 1) new LazyReader(uncached).ReadFirst(batch);
                }
            }
        }
    }

    [Fact]
    public void The_bound_holds_and_a_second_round_finds_what_fitted()
    {
        var all = new ColumnCache(16 << 20);
        using (var block = Open(all)) new LazyReader(block).ReadAll(new SpanBatch());
        Assert.Equal(0, all.SizeBytes);

        var bound = SizeOfAll() / 3;
        var cache = new ColumnCache(bound);
        using var small = Open(cache);
        for (var round = 0; round < 2; round++)
        {
            new LazyReader(small).ReadAll(new SpanBatch());
            Assert.InRange(cache.SizeBytes, bound / 2, bound);
        }

        Assert.True(BytesRead(small) < BytesRead(Block.Open()), "nothing was found again");
    }

    [Fact]
    public void What_nobody_asks_for_any_more_makes_room()
    {
        var bound = SizeOfAll();
        var cache = new ColumnCache(bound);
        using var first = Open(cache);
        using var second = Open(cache);
        new LazyReader(first).ReadAll(new SpanBatch());
        for (var round = 0; round < 12; round++) new LazyReader(second).ReadAll(new SpanBatch());
        Assert.InRange(cache.SizeBytes, 1, bound);
        Assert.Equal(0, BytesRead(second));
    }

    [Fact]
    public void The_attributes_of_a_key_are_those_that_the_spans_have()
    {
        var cache = new ColumnCache(16 << 20);
        using var block = Open(cache);
        var batch = new SpanBatch();
        var (keys, values) = (0, 0);
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            foreach (var (start, count) in rows.ScanRanges())
            {
                var whole = rows.Read(start, count, BatchColumns.All);
                for (var key = 0; key < whole.SpanAttributes.KeyTable.Count; key++)
                {
                    var taken = Take(rows, batch, start, count, whole.SpanAttributes.KeyTable[key].ToArray());
                    keys++;
                    values += AssertIsKeyOf(whole, key, taken);
                }
            }
        }

        Assert.True(keys > 20 && values > 100, $"{keys} keys, {values} values");
    }

    private static AttributeOccurrences Take(RowGroupReader rows, SpanBatch batch, long start, int count, byte[] key)
    {
        rows.OpenInto(batch, start, count);
        var loader = batch.Loader!;
        if (loader.TryFindAttribute(AttributeScope.Span, key, out var known)) return known;
        batch.RequireAttributes(AttributeScope.Span, AttributeParts.Keys);
        var attributes = batch.SpanAttributes;
        var places = new ulong[(attributes.Count + 63) / 64];
        for (var i = 0; i < attributes.Count; i++)
            if (attributes.Key(i).SequenceEqual(key))
                places[i / 64] |= 1UL << i;
        loader.TakeAttribute(batch, AttributeScope.Span, key, places, AttributeParts.Texts);
        // As the next query has it.
        rows.OpenInto(batch, start, count);
        Assert.True(batch.Loader!.TryFindAttribute(AttributeScope.Span, key, out var kept));
        return kept;
    }

    private static int AssertIsKeyOf(SpanBatch whole, int key, AttributeOccurrences taken)
    {
        var next = 0;
        for (var span = 0; span < whole.SpanCount; span++)
            for (var i = whole.AttributeStart[span]; i < whole.AttributeStart[span + 1]; i++)
            {
                if (whole.SpanAttributes.Keys[i] != key) continue;
                Assert.Equal(span, taken.Owners[next]);
                Assert.Equal(ValueText(whole.SpanAttributes, i), ValueText(taken.Values, next));
                next++;
            }

        Assert.Equal(next, taken.Count);
        return next;
    }

    // What no condition can compare is left out of columns of a key; a list of one element is the element.
    private static string ValueText(AttributeColumns values, int i) => values.Types[i] switch
    {
        AttributeType.String => "text " + System.Text.Encoding.UTF8.GetString(values.String(i)),
        AttributeType.Int or AttributeType.Double or AttributeType.Bool => $"{values.Types[i]} {values.Bits[i]}",
        AttributeType.StringArray =>
            string.Join(',', values.ArrayItems(i).ToArray()
                .Select(item => "text " + System.Text.Encoding.UTF8.GetString(values.Values[(int)item]))),
        AttributeType.IntArray => string.Join(',', values.ArrayItems(i).ToArray().Select(static item => $"Int {item}")),
        AttributeType.DoubleArray => string.Join(',', values.ArrayItems(i).ToArray().Select(static item => $"Double {item}")),
        AttributeType.BoolArray => string.Join(',', values.ArrayItems(i).ToArray().Select(static item => $"Bool {item}")),
        _ => "",
    };

    private static void AssertEqual(SpanBatch expected, SpanBatch batch)
    {
        var spans = expected.SpanCount;
        Assert.Equal((spans, expected.TraceCount), (batch.SpanCount, batch.TraceCount));
        Assert.Equal(expected.TraceIds[..expected.TraceCount], batch.TraceIds[..expected.TraceCount]);
        Same(expected.Trace, batch.Trace, spans);
        Same(expected.Resource, batch.Resource, spans);
        Same(expected.Scope, batch.Scope, spans);
        Same(expected.Status, batch.Status, spans);
        Same(expected.StartUnixNano, batch.StartUnixNano, spans);
        Same(expected.DurationNano, batch.DurationNano, spans);
        Same(expected.Kind, batch.Kind, spans);
        Same(expected.SpanId, batch.SpanId, spans);
        Same(expected.ParentSpanId, batch.ParentSpanId, spans);
        for (var i = 0; i < spans; i++) Assert.True(expected.Name[i].SequenceEqual(batch.Name[i]));
        for (var i = 0; i < expected.Resources.Count; i++)
            Assert.True(expected.Resources.ServiceName[i].SequenceEqual(batch.Resources.ServiceName[i]));
    }

    private static void Same<T>(T[] expected, T[] found, int count)
        where T : INumber<T> => Assert.True(expected.AsSpan(0, count).SequenceEqual(found.AsSpan(0, count)));

    private static BlockReader Open(ColumnCache cache) =>
        new(Block.Meta(), new Tempo.Engine.Parquet.MemoryParquetSource(Block.Data), [], [.. Block.Content.LastIds]) { Cache = cache };

    private static long SizeOfAll()
    {
        var cache = new ColumnCache(16 << 20);
        using var block = Open(cache);
        new LazyReader(block).ReadAll(new SpanBatch());
        return cache.SizeBytes;
    }

    private static long BytesRead(BlockReader block) => new LazyReader(block).ReadAll(new SpanBatch());

    private static long LazyBytes(BlockReader block, int group, long start, int count)
    {
        var rows = block.OpenRowGroup(group);
        var batch = new SpanBatch();
        rows.OpenInto(batch, start, count);
        batch.Require(Kept);
        return rows.ReadBytes;
    }

    /// <summary>Brings in the kept columns of all pages.</summary>
    private sealed class LazyReader(BlockReader block)
    {
        public void ReadFirst(SpanBatch batch)
        {
            var rows = block.OpenRowGroup(0);
            rows.OpenInto(batch, 0, 1);
            batch.Require(Kept);
        }

        public long ReadAll(SpanBatch batch)
        {
            long bytes = 0;
            for (var group = 0; group < block.RowGroupCount; group++)
            {
                var rows = block.OpenRowGroup(group);
                foreach (var (start, count) in rows.ScanRanges())
                {
                    rows.OpenInto(batch, start, count);
                    batch.Require(Kept);
                }

                bytes += rows.ReadBytes;
            }

            return bytes;
        }
    }
}
