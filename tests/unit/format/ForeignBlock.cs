using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Format.Tests;

/// <summary>A block of a foreign writer, in memory.</summary>
internal sealed record ForeignBlock(string Version, BlockMeta Meta, byte[] Data, ForeignTraces Traces, int RowsPerGroup)
{
    public static ForeignBlock Write(
        string version, ForeignTraces traces, DedicatedColumns dedicated, ForeignStyle style, int seed, int rowsPerGroup)
    {
        var rows = new ForeignRows(version, dedicated);
        var listing = SchemaListing.Load(version, dedicated);
        var (data, footerSizeBytes) = new ForeignFile(listing, style, new Random(seed)).Write(
            [.. traces.Traces.Select(trace => rows.Trace(trace.Id, trace.Trace))], rowsPerGroup);
        var spans = traces.Traces.SelectMany(static t => t.Trace.ResourceSpans).SelectMany(static r => r.ScopeSpans)
            .SelectMany(static s => s.Spans).ToList();
        var meta = new BlockMeta
        {
            Format = version.Split('-')[0],
            BlockId = BlockId.Derive(42, (ulong)seed),
            Tenant = TenantId.Single,
            StartSeconds = (long)(spans.Min(static s => s.StartTimeUnixNano) / 1_000_000_000),
            EndSeconds = (long)(spans.Max(static s => s.EndTimeUnixNano) / 1_000_000_000) + 1,
            TotalObjects = traces.Traces.Count,
            SizeBytes = data.Length,
            RowGroupCount = (traces.Traces.Count + rowsPerGroup - 1) / rowsPerGroup,
            BloomShardCount = 0,
            FooterSizeBytes = footerSizeBytes,
            DedicatedColumns = dedicated,
        };
        return new ForeignBlock(version, meta, data, traces, rowsPerGroup);
    }

    public BlockReader Open() => new(Meta, new MemoryParquetSource(Data), [], []);
}
