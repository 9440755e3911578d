using System.Collections;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>Look-ups, page and row group bounds, and projections of one block of several row groups and pages.</summary>
public sealed class BlockReaderTests
{
    private static readonly MemoryBlock Block = Write();

    private static MemoryBlock Write()
    {
        var requests = new RandomRequests(seed: 7, traceCount: 60);
        var batch = new LiveBatch();
        for (var i = 0; i < 120; i++) batch.Append(requests.Next(), 64);
        return MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 20, RowGroupSpans = 100, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
    }

    [Fact]
    public void Every_id_is_found_at_its_row_and_no_other_id_is()
    {
        using var block = Block.Open();
        Assert.True(block.RowGroupCount > 2, $"{block.RowGroupCount} row groups");
        var ids = Block.Ids;
        var row = 0;
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            for (var i = 0; i < rows.RowCount; i++, row++)
            {
                Assert.Equal(i, rows.FindRow(ids[row]));
                Assert.Equal((group, i), Find(block, ids[row]));
                Assert.Equal(ids[row], rows.Read(i, 1, BatchColumns.Structure).TraceIds[0]);
            }

            Assert.Equal(ids[row - 1], Block.Content.LastIds[group]);
        }

        Assert.Equal(ids.Count, row);
        TraceId[] absent =
            [new(0, 0), new(ulong.MaxValue, ulong.MaxValue), .. ids.Select(static id => new TraceId(id.High, id.Low + 1)).Except(ids)];
        foreach (var id in absent) Assert.Equal((-1, -1), Find(block, id));
    }

    [Fact]
    public void Without_an_index_all_row_groups_are_tried()
    {
        using var block = new BlockReader(Block.Meta(), new Tempo.Engine.Parquet.MemoryParquetSource(Block.Data), [], []);
        Assert.Equal(block.RowGroupCount - 1, Find(block, Block.Ids[^1]).RowGroup);
        Assert.Equal((-1, -1), Find(block, default));
    }

    [Fact]
    public void Scan_ranges_are_the_pages_and_cover_the_rows_without_gap()
    {
        using var block = Block.Open();
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            var ranges = rows.ScanRanges();
            Assert.True(ranges.Count > 1, $"row group {group} has one page");
            long next = 0;
            foreach (var (start, count) in ranges)
            {
                Assert.Equal(next, start);
                var spans = rows.Read(start, count, BatchColumns.Structure).SpanCount;
                Assert.True(spans >= 20 || start + count == rows.RowCount, $"a page of {spans} spans");
                next += count;
            }

            Assert.Equal(rows.RowCount, next);
        }
    }

    /// <summary>Each combination of columns reads what all columns read, and leaves the others empty.</summary>
    [Fact]
    public void A_projection_reads_the_same_values_as_all_columns()
    {
        using var block = Block.Open();
        var random = new Random(3);
        for (var i = 0; i < 150; i++)
        {
            var wanted = i == 0 ? BatchColumns.Structure
                : i == 1 ? BatchColumns.Tree
                : (BatchColumns)random.Next((int)BatchColumns.All + 1) & Wholes;
            var rows = block.OpenRowGroup(random.Next(block.RowGroupCount));
            var start = random.Next((int)rows.RowCount);
            var count = random.Next(1, (int)rows.RowCount - start + 1);
            var all = rows.Read(start, count, BatchColumns.All);
            var part = rows.Read(start, count, wanted);
            AssertPart(all, part, wanted);
        }
    }

    // Parts of these are read as the whole.
    private const BatchColumns Wholes =
        BatchColumns.All & ~(BatchColumns.ResourceServiceNames | BatchColumns.ScopeNames | BatchColumns.EventRows | BatchColumns.LinkRows);

    private static void AssertPart(SpanBatch all, SpanBatch part, BatchColumns wanted)
    {
        Same(all.SpanCount, part.SpanCount, all.Trace, part.Trace, all.Resource, part.Resource, all.Scope, part.Scope, all.Status,
            part.Status);
        Same(all.TraceIds, part.TraceIds, all.TraceStart, part.TraceStart, all.TraceEnd, part.TraceEnd);
        Same(all.Snapshot(), part.Snapshot());
        Check(BatchColumns.SpanIds, all.SpanId, part.SpanId, all.ParentSpanId, part.ParentSpanId);
        Check(BatchColumns.Starts, all.StartUnixNano, part.StartUnixNano);
        Check(BatchColumns.Durations, all.DurationNano, part.DurationNano);
        Check(BatchColumns.Kind, all.Kind, part.Kind);
        Check(BatchColumns.Name, Texts(all.Name), Texts(part.Name));
        Check(BatchColumns.StatusMessage, Texts(all.StatusMessage), Texts(part.StatusMessage));
        Check(BatchColumns.TraceState, Texts(all.TraceState), Texts(part.TraceState));
        Check(BatchColumns.SpanAttributes, Texts(all.SpanAttributes), Texts(part.SpanAttributes), Dedicated(all, AttributeScope.Span),
            Dedicated(part, AttributeScope.Span));
        Check(BatchColumns.Resources, Texts(all.Resources.ServiceName), Texts(part.Resources.ServiceName), Texts(all.Resources.Attributes),
            Texts(part.Resources.Attributes));
        Check(BatchColumns.Resources, all.Resources.DroppedAttributes, part.Resources.DroppedAttributes,
            Dedicated(all, AttributeScope.Resource), Dedicated(part, AttributeScope.Resource));
        Check(BatchColumns.Scopes, Texts(all.Scopes.Name), Texts(part.Scopes.Name), Texts(all.Scopes.Version), Texts(part.Scopes.Version),
            Texts(all.Scopes.Attributes), Texts(part.Scopes.Attributes));
        Check(BatchColumns.Events, Texts(all.Events.Name), Texts(part.Events.Name), Texts(all.Events.Attributes),
            Texts(part.Events.Attributes), all.Events.TimeSinceStartNano, part.Events.TimeSinceStartNano);
        Check(BatchColumns.Links, all.Links.TraceId, part.Links.TraceId, all.Links.SpanId, part.Links.SpanId, Texts(all.Links.Attributes),
            Texts(part.Links.Attributes));
        Check(BatchColumns.Dropped, all.DroppedAttributes, part.DroppedAttributes, all.DroppedEvents, part.DroppedEvents, all.DroppedLinks,
            part.DroppedLinks);
        if (wanted.HasFlag(BatchColumns.SpanAttributes)) Same(all.AttributeStart, part.AttributeStart);
        if (wanted.HasFlag(BatchColumns.Events))
            Same(all.EventStart, part.EventStart, all.Events.AttributeStart, part.Events.AttributeStart);
        if (wanted.HasFlag(BatchColumns.Links)) Same(all.LinkStart, part.LinkStart);

        void Check(BatchColumns column, params object[] pairs)
        {
            if (wanted.HasFlag(column)) Same(pairs);
            else for (var i = 1; i < pairs.Length; i += 2) Assert.Empty((IEnumerable)pairs[i]);
        }
    }

    private static void Same(params object[] pairs)
    {
        for (var i = 0; i < pairs.Length; i += 2) Assert.Equal(pairs[i], pairs[i + 1]);
    }

    private static string[] Texts(StringColumn column) => [.. column.Codes.Select((_, row) => Convert.ToHexString(column[row]))];

    private static string[] Texts(AttributeColumns a) =>
        [.. Enumerable.Range(0, a.Count).Select(i => $"{Convert.ToHexString(a.Key(i))} {a.Types[i]} " + a.Types[i] switch
        {
            AttributeType.String or AttributeType.AnyValueJson => Convert.ToHexString(a.String(i)),
            AttributeType.StringArray =>
                string.Join(' ', a.ArrayItems(i).ToArray().Select(item => Convert.ToHexString(a.Values[(int)item]))),
            AttributeType.IntArray or AttributeType.DoubleArray or AttributeType.BoolArray => string.Join(' ', a.ArrayItems(i).ToArray()),
            _ => $"{a.Bits[i]}",
        })];

    private static string[] Dedicated(SpanBatch batch, AttributeScope scope) =>
        [.. batch.Dedicated.Where(column => column.Scope == scope).Select(column =>
            $"{Convert.ToHexString(column.Key)} {column.Type} {string.Join(' ', column.Start)}: "
            + string.Join(' ', column.Bits.Select(
                bits => column.Type == AttributeType.String ? Convert.ToHexString(column.Values[(int)bits]) : $"{bits}")))];

    private static (int RowGroup, long Row) Find(BlockReader block, TraceId id) =>
        block.Find(id, static (reader, group) => reader.OpenRowGroup(group));
}
