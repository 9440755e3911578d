using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>A block whose data.parquet is in memory.</summary>
internal sealed class MemoryBlock
{
    private readonly BlockWriterOptions _layout;

    private MemoryBlock(byte[] data, BlockContent content, BlockWriterOptions layout) =>
        (Data, Content, _layout, Sidecar) = (data, content, layout, content.ToSidecar(default));

    public BlockWriterOptions Layout => _layout;

    public byte[] Data { get; }

    public BlockContent Content { get; }

    /// <summary>The trace ids, ascending.</summary>
    public IReadOnlyList<TraceId> Ids
    {
        get
        {
            var ids = new List<TraceId>();
            Content.Ids.ForEach(some =>
            {
                for (var at = some.Span; !at.IsEmpty; at = at[TraceId.SizeBytes..]) ids.Add(TraceId.Read(at));
            });
            return ids;
        }
    }

    /// <summary>The sidecar's object.</summary>
    public byte[] Sidecar { get; }

    public static MemoryBlock Write(BlockWriterOptions options, Action<Action<OrderedTrace>> forEachTrace)
    {
        using var stream = new MemoryStream();
        var writer = new BlockWriter(stream, options);
        forEachTrace(writer.Add);
        var content = writer.Finish();
        return new MemoryBlock(stream.ToArray(), content, options);
    }

    public static MemoryBlock Write(BlockWriterOptions options, IReadOnlyList<LiveBatchView> batches) =>
        Write(options, visit => LiveTraces.ForEach(batches, visit));

    public BlockReader Open() => Open(Data);

    /// <summary>Opens other bytes in the place of <see cref="Data"/>.</summary>
    public BlockReader Open(byte[] data) => new(Meta(), new MemoryParquetSource(data), [], [.. Content.LastIds]);

    /// <summary>Opens the block with these bytes as its sidecar.</summary>
    public BlockReader OpenWith(byte[] sidecar) =>
        new(Meta(), new MemoryParquetSource(Data), [], [.. Content.LastIds], BlockSidecar.Of(sidecar, Meta(), new SidecarCache(1 << 20)));

    public BlockMeta Meta() => new()
    {
        BlockId = default,
        Tenant = TenantId.Single,
        StartSeconds = 0,
        EndSeconds = 0,
        TotalObjects = Content.Ids.Count,
        SizeBytes = Content.SizeBytes,
        RowGroupCount = Content.LastIds.Count,
        BloomShardCount = 0,
        FooterSizeBytes = Content.FooterSizeBytes,
        Format = _layout.Version.Name,
        DedicatedColumns = _layout.Version.Supported(_layout.DedicatedColumns),
    };

    /// <summary>All traces in row order, read in parts of 1 to <paramref name="maxRows"/> rows.</summary>
    public static void ForEachTrace(BlockReader block, Random random, int maxRows, Action<OrderedTrace> visit)
    {
        var context = new SpanContext();
        var trace = new OrderedTrace(context);
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            var rows = block.OpenRowGroup(group);
            for (long row = 0; row < rows.RowCount;)
            {
                var count = (int)Math.Min(random.Next(1, maxRows + 1), rows.RowCount - row);
                Visit(trace, context, rows.Read(row, count, BatchColumns.All), visit);
                row += count;
            }
        }
    }

    private static void Visit(OrderedTrace trace, SpanContext context, SpanBatch batch, Action<OrderedTrace> visit)
    {
        var number = context.Add(batch);
        for (int row = 0, span = 0; row < batch.TraceCount; row++)
        {
            trace.Begin(batch.TraceIds[row]);
            for (; span < batch.SpanCount && batch.Trace[span] == row; span++) trace.Add(new SpanRef(number, span));
            trace.Complete();
            visit(trace);
        }
    }
}
