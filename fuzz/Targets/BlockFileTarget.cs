using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A whole data.parquet, of each version in turn by its length. Holds: it is read, or is a damaged block, and nothing else; rows,
/// spans and their parts fit together, so that every trace can be brought together and written.
/// </summary>
internal sealed class BlockFileTarget : IFuzzTarget, IDisposable
{
    private const int MaxRows = 100_000;
    private readonly NativeBuffer _output = new();

    public string Name => "block-file";

    public IReadOnlyList<byte[]> Dictionary { get; } = ["PAR1"u8.ToArray(), "element"u8.ToArray(), [0x15, 0x06], [0xFF, 0xFF, 0xFF, 0x7F]];

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = input.ToArray();
        foreach (var version in BlockVersion.All) Read(bytes, version);
    }

    private void Read(byte[] bytes, BlockVersion version)
    {
        var meta = new BlockMeta
        {
            Format = version.Name,
            BlockId = default,
            Tenant = TenantId.Single,
            StartSeconds = 0,
            EndSeconds = 0,
            TotalObjects = 0,
            SizeBytes = bytes.Length,
            RowGroupCount = 0,
            BloomShardCount = 0,
            FooterSizeBytes = 0,
        };
        try
        {
            using var block = new BlockReader(meta, new MemoryParquetSource(bytes), [], []);
            for (var group = 0; group < block.RowGroupCount; group++)
            {
                var rows = block.OpenRowGroup(group);
                foreach (var (start, count) in rows.ScanRanges())
                    if (count <= MaxRows)
                        Write(rows.Read(start, count, BatchColumns.All));
                _ = rows.FindRow(new TraceId(0, 1));
            }
        }
        catch (Exception e) when (e is ParquetFormatException or BlockReadException)
        {
            Oracle.Holds(e.Message.Length > 0, "damage has a name");
        }
    }

    private void Write(SpanBatch batch)
    {
        var context = new SpanContext();
        var number = context.Add(batch);
        var trace = new OrderedTrace(context);
        for (var (row, span) = (0, 0); row < batch.TraceCount; row++)
        {
            trace.Begin(batch.TraceIds[row]);
            for (; span < batch.SpanCount && batch.Trace[span] == row; span++) trace.Add(new SpanRef(number, span));
            trace.Complete();
            _output.Clear();
            OtlpTraceWriter.Write(trace, _output);
        }
    }

    public void Dispose() => _output.Dispose();
}
