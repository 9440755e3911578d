using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Live;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>What a sidecar says, against the rows it speaks of.</summary>
public sealed class SidecarTests
{
    private static readonly MemoryBlock Block = WriteBlock(seed: 5, requests: 80);

    private static MemoryBlock WriteBlock(int seed, int requests)
    {
        var random = new RandomRequests(seed, traceCount: 40);
        var batch = new LiveBatch();
        for (var i = 0; i < requests; i++) batch.Append(random.Next(), 64);
        return MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 15, RowGroupSpans = 50, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
    }

    [Fact]
    public void A_filter_never_says_no_to_what_is_there()
    {
        using var block = Block.OpenWith(Block.Sidecar);
        Assert.True(block.Sidecar.IsPresent);
        Assert.True(block.RowGroupCount > 2, $"{block.RowGroupCount} row groups");
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var facts = SidecarFacts.Of(block, group);
            foreach (var (scope, key) in facts.Owners.Keys) Assert.True(
                block.Sidecar.MayContainKey(group, scope, Utf8(key)), $"{group} {scope} {key}");
            foreach (var (scope, key, value) in facts.Values.Keys) Assert.True(
                MayContain(block.Sidecar, group, scope, key, value), $"{group} {scope} {key} {value}");
        }
    }

    [Fact]
    public void It_says_no_to_nearly_all_that_is_not_there()
    {
        using var block = Block.OpenWith(Block.Sidecar);
        var (keys, values) = (0, 0);
        for (var i = 0; i < 1000; i++)
        {
            if (block.Sidecar.MayContainKey(0, CatalogScope.Span, Utf8($"no{i}"))) keys++;
            if (block.Sidecar.MayContain(0, CatalogScope.Span, "http.method"u8, Utf8($"no{i}"))) values++;
        }

        Assert.InRange(keys, 0, 30);
        Assert.InRange(values, 0, 60);
    }

    [Fact]
    public void Zones_are_the_bounds_of_the_rows()
    {
        using var block = Block.OpenWith(Block.Sidecar);
        var zones = block.Sidecar.Zones!;
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            var facts = SidecarFacts.Of(block, group);
            var zone = zones.OfRowGroup(group);
            Assert.Equal((rows.RowCount, facts.Starts.Count), (zone.RowCount, zone.SpanCount));
            Assert.Equal((facts.Starts.Min(), facts.Starts.Max()), block.Sidecar.StartTimes(group));
            Assert.Equal((facts.Durations.Min(), facts.Durations.Max()), block.Sidecar.Durations(group));
            Assert.Equal(rows.ScanRanges().Select(static range => (long)range.Count),
                zones.Pages(group).ToArray().Select(static page => page.RowCount));
            foreach (var (range, page) in rows.ScanRanges().Zip(zones.Pages(group).ToArray()))
            {
                var batch = rows.Read(range.Start, range.Count, BatchColumns.Times);
                var starts = batch.StartUnixNano[..batch.SpanCount];
                Assert.Equal((batch.SpanCount, starts.Min(), starts.Max()), (page.SpanCount, page.MinStartUnixNano, page.MaxStartUnixNano));
                Assert.True(batch.TraceEnd.Take(batch.TraceCount).All(end => end <= page.MaxEndUnixNano));
            }
        }
    }

    [Fact]
    public void Ranges_hold_every_number_of_a_key_and_no_others_are_known()
    {
        using var block = Block.OpenWith(Block.Sidecar);
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var facts = SidecarFacts.Of(block, group);
            foreach (var key in facts.Owners.Keys)
            {
                var numbers = facts.Values.Keys.Where(value => (value.Scope, value.Key) == key)
                    .Select(static value => NumberOf(value.Value)).Where(static number => !double.IsNaN(number)).ToList();
                var isKnown = block.Sidecar.TryGetRange(
                    group, SidecarHash.OfKey(key.Scope, Utf8(key.Key)), out var min, out var max, out var isAbsent);
                Assert.Equal((numbers.Count > 0, numbers.Count == 0), (isKnown, isAbsent));
                if (isKnown) Assert.Equal((numbers.Min(), numbers.Max()), (min, max));
            }
        }
    }

    [Fact]
    public void Every_id_leads_to_its_row_and_others_to_none()
    {
        using var block = Block.OpenWith(Block.Sidecar);
        using var plain = Block.Open();
        foreach (var id in Block.Ids)
        {
            Assert.True(block.Sidecar.MayContainTrace(SidecarHash.OfTrace(id)));
            Assert.Equal(Find(plain, id), Find(block, id));
            Assert.True(block.Sidecar.MayContainTrace(id, SidecarHash.OfTrace(id)));
            var other = new TraceId(id.High, id.Low + 1);
            if (Find(plain, other).Row < 0) Assert.False(block.Sidecar.MayContainTrace(other, SidecarHash.OfTrace(other)));
            Assert.Equal(Find(plain, other), Find(block, other));
        }

        Assert.Equal((-1, -1), Find(block, default));
        Assert.Equal((-1, -1), Find(block, new TraceId(ulong.MaxValue, ulong.MaxValue)));
    }

    [Fact]
    public void The_catalog_counts_every_key_and_value_of_the_block()
    {
        using var block = Block.OpenWith(Block.Sidecar);
        var all = new SidecarFacts();
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            all.Add(rows.Read(0, (int)rows.RowCount, BatchColumns.All));
        }

        var catalog = new CatalogReader(block.Sidecar.ReadCatalog()!.Value.Span);
        Assert.True(catalog.HasAllKeys);
        var seen = new HashSet<(CatalogScope, string)>();
        while (catalog.MoveNext())
        {
            var key = (catalog.Scope, Key: Encoding.UTF8.GetString(catalog.Key));
            Assert.True(seen.Add(key));
            if (key is (CatalogScope.Intrinsic, "rootName" or "rootServiceName")) continue; // of traces; the rows here are spans
            Assert.Equal(all.Owners[key], catalog.OwnerCount);
            Assert.True(catalog.HasAllValues);
            var expected = all.Values.Where(value => (value.Key.Scope, value.Key.Key) == key)
                .ToDictionary(static value => value.Key.Value, static value => value.Value);
            Assert.Equal(expected.Count, catalog.DistinctCount);
            var last = long.MaxValue;
            while (catalog.TryReadValue(out var value))
            {
                Assert.True(value.Count <= last);
                last = value.Count;
                Assert.True(expected.Remove(TextOf(value), out var count));
                Assert.Equal(count, value.Count);
            }

            Assert.Empty(expected);
        }

        Assert.False(catalog.IsMalformed);
        Assert.Superset(all.Owners.Keys.Select(static key => (key.Scope, key.Key)).ToHashSet(), seen);
    }

    [Fact]
    public void Of_a_key_with_many_values_the_most_frequent_are_listed()
    {
        var spans = Enumerable.Range(1, 5000).Select(static i =>
        {
            var span = Spans.New((ulong)i, trace: new TraceId(1, (ulong)i));
            span.Attributes.Add(Spans.Text("id", i % 10 == 0 ? "often" : $"once{i}"));
            span.Attributes.Add(Spans.Text("large", new string('x', 1500)));
            return span;
        });
        var many = MemoryBlock.Write(
            new BlockWriterOptions { RowGroupSpans = 1500 }, [Spans.View(Spans.Append(Spans.Request(Spans.Of("s", "l", [.. spans]))))]);
        using var block = many.OpenWith(many.Sidecar);
        var catalog = new CatalogReader(block.Sidecar.ReadCatalog()!.Value.Span);
        var (found, foundLarge) = (false, false);
        while (catalog.MoveNext())
        {
            if (catalog.Key.SequenceEqual("large"u8))
            {
                foundLarge = true;
                Assert.False(catalog.HasAllValues); // too long to be listed
                Assert.False(catalog.TryReadValue(out _));
            }

            if (!catalog.Key.SequenceEqual("id"u8)) continue;
            found = true;
            Assert.False(catalog.HasAllValues);
            Assert.InRange(catalog.DistinctCount, 3600, 5400);
            Assert.True(catalog.TryReadValue(out var first));
            Assert.Equal(("often", 500), (Encoding.UTF8.GetString(first.Text), first.Count));
            var count = 1;
            while (catalog.TryReadValue(out _)) count++;
            Assert.Equal(100, count);
        }

        Assert.True(found && foundLarge);
    }

    [Fact]
    public void What_is_kept_in_memory_has_a_bound_and_goes_with_the_block()
    {
        const int bound = 400;
        var cache = new SidecarCache(bound);
        var first = BlockSidecar.Of(Block.Sidecar, Block.Meta(), cache);
        var second = BlockSidecar.Of(Block.Sidecar, Block.Meta(), cache);
        var most = 0L;
        for (var round = 0; round < 3; round++)
            for (var group = 0; group < Block.Content.LastIds.Count; group++)
            {
                Assert.False(first.MayContainKey(group, CatalogScope.Link, "no such key"u8) && second.MayContainValue(group, 1)
                    && first.MayContainValue(group, 2));
                Assert.InRange(cache.SizeBytes, 1, bound);
                most = Math.Max(most, cache.SizeBytes);
            }

        Assert.InRange(most, bound / 2, bound);
        first.Close();
        second.Close();
        Assert.Equal(0, cache.SizeBytes);
    }

    [Fact]
    public void A_sidecar_of_other_data_is_not_used_and_counted()
    {
        var cache = new SidecarCache(1 << 20);
        var other = BlockSidecar.Of(Block.Sidecar, Block.Meta() with { SizeBytes = Block.Meta().SizeBytes + 1 }, cache);
        Assert.False(other.IsPresent);
        Assert.True(other.MayContainKey(0, CatalogScope.Span, "no such key"u8));
        Assert.Equal(1, cache.DamagedCount);
        Assert.False(BlockSidecar.None.IsPresent);
        Assert.True(BlockSidecar.None.MayContainTrace(1));
    }

    internal static bool MayContain(BlockSidecar sidecar, int group, CatalogScope scope, string key, string value) => value[0] switch
    {
        's' => sidecar.MayContain(group, scope, Utf8(key), Utf8(value[2..])),
        'b' => sidecar.MayContain(group, scope, Utf8(key), value[2] == '1'),
        _ => sidecar.MayContain(group, scope, Utf8(key), NumberOf(value)),
    };

    internal static (int RowGroup, long Row) Find(BlockReader block, TraceId id) =>
        block.Find(id, static (reader, group) => reader.OpenRowGroup(group));

    private static double NumberOf(string value) => value[0] switch
    {
        'i' => long.Parse(value.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture),
        'd' => BitConverter.Int64BitsToDouble(long.Parse(value.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture)),
        _ => double.NaN,
    };

    private static string TextOf(CatalogValue value) => value.Type switch
    {
        CatalogValueType.Text => "s:" + Encoding.UTF8.GetString(value.Text),
        CatalogValueType.Int => $"i:{value.Bits}",
        CatalogValueType.Double => $"d:{value.Bits}",
        _ => $"b:{value.Bits}",
    };

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
