using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// Blocks that the code under test did not make: shredded and laid out by the plain code of this project, in all versions,
/// encodings, codecs and page versions. What is read must be what went in.
/// </summary>
public sealed class ReadForeignBlocksTests
{
    public static readonly string[] Versions = ["vParquet5", "vParquet4", "vParquet3", "vParquet3-early"];

    public static TheoryData<string, string, int> Cases()
    {
        var cases = new TheoryData<string, string, int>();
        foreach (var version in Versions)
            foreach (var style in ForeignStyle.All)
                for (var seed = 1; seed <= 4; seed++)
                    cases.Add(version, style.Name, seed);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_row_is_read_as_it_was_written(string version, string style, int seed)
    {
        var block = Write(version, style, seed);
        using var reader = block.Open();
        AssertEqual(block.Traces.Expected, visit => MemoryBlock.ForEachTrace(reader, new Random(seed), 10, visit));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_trace_is_found_by_its_id(string version, string style, int seed)
    {
        var block = Write(version, style, seed);
        using var reader = block.Open();
        var row = 0;
        foreach (var (id, _) in block.Traces.Traces)
        {
            var found = reader.Find(TraceId.Read(id.Span), static (reader, group) => reader.OpenRowGroup(group));
            Assert.Equal((row / 7, row % 7), found);
            row++;
        }

        Assert.Equal((-1, -1), reader.Find(new TraceId(5, 5), static (reader, group) => reader.OpenRowGroup(group)));
    }

    /// <summary>Scan ranges cover all rows whatever the pages are, and a projection reads what all columns read.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Ranges_and_projections_fit(string version, string style, int seed)
    {
        var block = Write(version, style, seed);
        using var reader = block.Open();
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            var rows = reader.OpenRowGroup(group);
            long next = 0;
            foreach (var (start, count) in rows.ScanRanges())
            {
                Assert.Equal(next, start);
                var all = rows.Read(start, count, BatchColumns.All);
                foreach (var columns in new[] { BatchColumns.Structure, BatchColumns.Tree, BatchColumns.Events, BatchColumns.Links,
                    BatchColumns.SpanAttributes | BatchColumns.Dropped })
                {
                    var part = rows.Read(start, count, columns);
                    Assert.Equal(all.Trace[..all.SpanCount], part.Trace[..part.SpanCount]);
                    if (columns.HasFlag(BatchColumns.Events)) Assert.Equal(all.Events.Count, part.Events.Count);
                    if (columns.HasFlag(BatchColumns.Links)) Assert.Equal(all.Links.Count, part.Links.Count);
                    if (columns.HasFlag(BatchColumns.Dropped))
                        Assert.Equal(all.DroppedAttributes[..all.SpanCount], part.DroppedAttributes[..part.SpanCount]);
                }

                next += count;
            }

            Assert.Equal(rows.RowCount, next);
        }
    }

    /// <summary>What is read from any version can be written as a block of ours, and read again.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void A_foreign_block_can_be_rewritten_in_both_versions(string version, string style, int seed)
    {
        var block = Write(version, style, seed);
        using var reader = block.Open();
        foreach (var target in BlockVersion.All.Where(static target => target.CanWrite))
        {
            var layout = new BlockWriterOptions
            {
                Version = target,
                PageSpans = 20,
                RowGroupSpans = 60,
                DedicatedColumns = seed % 2 == 0 ? block.Meta.DedicatedColumns : TestColumns.Others
            };
            var ours = MemoryBlock.Write(layout, visit => MemoryBlock.ForEachTrace(reader, new Random(seed), 10, visit));
            using var oursReader = ours.Open();
            AssertEqual(block.Traces.Expected, visit => MemoryBlock.ForEachTrace(oursReader, new Random(seed), 10, visit));
        }
    }

    private static ForeignBlock Write(string version, string style, int seed)
    {
        var traces = ForeignTraces.Random(version, seed, traceCount: 20, requestCount: 25);
        return ForeignBlock.Write(version, traces, seed % 4 == 0 ? Tempo.Engine.Storage.Blocks.DedicatedColumns.None : TestColumns.Some,
            ForeignStyle.All.Single(known => known.Name == style), seed, rowsPerGroup: 7);
    }

    internal static void AssertEqual(Dictionary<string, string[]> expected, Action<Action<OrderedTrace>> forEachTrace)
    {
        var seen = new List<string>();
        using var buffer = new NativeBuffer();
        forEachTrace(trace =>
        {
            var id = trace.Id.ToString();
            seen.Add(id);
            buffer.Clear();
            OtlpTraceWriter.Write(trace, buffer);
            Assert.True(expected.TryGetValue(id, out var spans), $"trace {id} was never written");
            Assert.Equal(spans, TraceModel.Describe(buffer.Written));
        });
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), seen);
    }
}
