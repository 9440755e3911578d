using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Inspect;

/// <summary>
/// Reads a block from end to end and says what is wrong with it:
/// <code>
/// objects   meta.json, index and bloom shards by their checksums; meta.json against the file
/// columns   every page of every leaf, by its checksum and by decoding it
/// rows      ids ascend, each is in the bloom filter, its text is its hex, the index names the last of each row group
/// traces    levels fit together; each trace's start and end are those of its spans; nested sets are nested
/// sidecar   if there is one: undamaged, and it excludes nothing that is there
/// </code>
/// </summary>
public sealed class BlockVerifier
{
    /// <summary>Problems that are listed; the rest are only counted.</summary>
    private const int MaxListed = 50;

    private readonly List<string> _problems = [];
    private readonly NestedSetCheck _nestedSets = new();
    private readonly List<byte[]> _bloomShards = [];
    private SidecarCache? _sidecars;
    private long _damagedSidecars;

    private BlockVerifier()
    {
    }

    /// <summary>Reads the block; the report says what was found. Throws only what the object store throws.</summary>
    public static async Task<BlockReport> VerifyAsync(
        IObjectStore objects, BlockStore store, TenantId tenant, BlockId id, CancellationToken cancellation)
    {
        var verifier = new BlockVerifier();
        var report = new BlockReport();
        var meta = await store.TryReadMetaAsync(tenant, id, verifier.Add, cancellation).ConfigureAwait(false);
        if (meta is null)
        {
            if (verifier._problems.Count == 0) verifier.Add("no meta.json: there is no such block");
            return verifier.Finish(report);
        }

        try
        {
            await verifier.CheckObjectsAsync(objects, meta, cancellation).ConfigureAwait(false);
            (verifier._sidecars, verifier._damagedSidecars) = (store.Sidecars, store.Sidecars.DamagedCount);
            using var block = await store.OpenAsync(meta, cancellation).ConfigureAwait(false);
            verifier.CheckFile(block);
            verifier.CheckRows(block, report, cancellation);
        }
        catch (BlockReadException e)
        {
            verifier.Add($"data.parquet: {e.Message}");
        }

        return verifier.Finish(report);
    }

    private async Task CheckObjectsAsync(IObjectStore objects, BlockMeta meta, CancellationToken cancellation)
    {
        var info = await objects.TryGetInfoAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, BlockObjects.Data), cancellation)
            .ConfigureAwait(false);
        if (info is { } data && data.SizeBytes != meta.SizeBytes)
            Add($"meta.json: size is {meta.SizeBytes}, data.parquet has {data.SizeBytes} bytes");
        await CheckObjectAsync(objects, meta, BlockObjects.Index, meta.Checksums?.Index, cancellation).ConfigureAwait(false);
        // Not by way of the reader, which may have something better.
        for (var shard = 0; shard < meta.BloomShardCount; shard++)
            _bloomShards.Add(await CheckObjectAsync(objects, meta, BlockObjects.Bloom(shard),
                meta.Checksums?.Bloom.ElementAtOrDefault(shard), cancellation).ConfigureAwait(false) ?? []);
    }

    private async Task<byte[]?> CheckObjectAsync(
        IObjectStore objects, BlockMeta meta, string name, uint? checksum, CancellationToken cancellation)
    {
        var content =
            await objects.TryGetAsync(BlockObjects.Key(meta.Tenant, meta.BlockId, name), int.MaxValue, cancellation).ConfigureAwait(false);
        if (content is null) Add($"{name}: missing");
        else if (checksum is { } expected && Crc32C.Compute(content) != expected) Add($"{name}: the checksum does not match");
        else if (name == BlockObjects.Index && !RowGroupIndex.TryParse(content, out _)) Add("index: not an ascending list of ids");
        return content;
    }

    private void CheckFile(BlockReader block)
    {
        var (meta, file) = (block.Meta, block.File);
        if (file.RowCount != meta.TotalObjects) Add($"meta.json: totalObjects is {meta.TotalObjects}, the file has {file.RowCount} rows");
        if (file.RowGroups.Count != meta.RowGroupCount)
            Add($"meta.json: totalRecords is {meta.RowGroupCount}, the file has {file.RowGroups.Count} row groups");
        if (file.FooterSizeBytes != meta.FooterSizeBytes)
            Add($"meta.json: footerSize is {meta.FooterSizeBytes}, the footer has {file.FooterSizeBytes} bytes");
        if (block.IndexedIds.Count > 0 && block.IndexedIds.Count != file.RowGroups.Count)
            Add($"index: {block.IndexedIds.Count} ids for {file.RowGroups.Count} row groups");
    }

    private void CheckRows(BlockReader block, BlockReport report, CancellationToken cancellation)
    {
        var last = default(TraceId);
        var sidecar = new SidecarCheck(block.Sidecar, Add);
        for (var group = 0; group < block.RowGroupCount; group++)
        {
            try
            {
                CheckColumns(block, group);
                var rows = block.OpenRowGroup(group);
                foreach (var (start, count) in rows.ScanRanges())
                {
                    cancellation.ThrowIfCancellationRequested();
                    var batch = rows.Read(start, count, BatchColumns.All);
                    CheckIds(batch, report.TraceCount == 0, ref last);
                    CheckTraces(block, batch);
                    sidecar.Check(group, batch);
                    _nestedSets.Check(rows.Columns, batch, Add);
                    report.TraceCount += batch.TraceCount;
                    report.SpanCount += batch.SpanCount;
                }

                if (group < block.IndexedIds.Count && block.IndexedIds[group] != last)
                    Add($"index: row group {group} ends in {block.IndexedIds[group]}; its last trace is {last}");
            }
            catch (Exception e) when (e is BlockReadException or ParquetFormatException)
            {
                Add($"row group {group}: {e.Message}");
            }
        }

        sidecar.ReadRest(block.RowGroupCount);
        if (_sidecars!.DamagedCount > _damagedSidecars) Add("tempo.sidecar: damaged, or of other data");
    }

    // All leaves, also those that no answer is made of.
    private static void CheckColumns(BlockReader block, int group)
    {
        var data = new ColumnData();
        foreach (var column in block.File.Schema.Columns)
        {
            var reader = block.File.OpenColumn(group, column);
            _ = reader.ReadColumnIndex();
            for (var page = 0; page < reader.PageCount; page++)
            {
                var (first, count) = reader.GetPageRows(page);
                reader.Read(first, count, data);
            }
        }
    }

    private void CheckIds(SpanBatch batch, bool isFirst, ref TraceId last)
    {
        for (var i = 0; i < batch.TraceCount; i++)
        {
            var id = batch.TraceIds[i];
            if (!(isFirst && i == 0) && id.CompareTo(last) <= 0) Add($"trace {id} stands after {last}");
            if (!TraceBloom.MayContain(_bloomShards, id)) Add($"trace {id} is not in the bloom filter");
            last = id;
        }
    }

    private void CheckTraces(BlockReader block, SpanBatch batch)
    {
        var (starts, ends) = (new ulong[batch.TraceCount], new ulong[batch.TraceCount]);
        starts.AsSpan().Fill(ulong.MaxValue);
        for (var i = 0; i < batch.SpanCount; i++)
        {
            var trace = batch.Trace[i];
            starts[trace] = Math.Min(starts[trace], batch.StartUnixNano[i]);
            ends[trace] = Math.Max(ends[trace], batch.StartUnixNano[i] + batch.DurationNano[i]);
        }

        for (var i = 0; i < batch.TraceCount; i++)
        {
            if (starts[i] == ulong.MaxValue) continue;
            if (starts[i] != batch.TraceStart[i] || ends[i] != batch.TraceEnd[i])
                Add($"trace {batch.TraceIds[i]}: its row says {batch.TraceStart[i]} to {batch.TraceEnd[i]}, its spans {starts[i]} to {ends[i]}");
            if (starts[i] / 1_000_000_000 < (ulong)block.Meta.EarliestSeconds || ends[i] / 1_000_000_000 > (ulong)block.Meta.LatestSeconds)
                Add($"trace {batch.TraceIds[i]} lies outside the block's time in meta.json");
        }
    }

    private void Add(string problem) => _problems.Add(problem);

    private BlockReport Finish(BlockReport report)
    {
        report.ProblemCount = _problems.Count;
        report.Problems.AddRange(_problems.Take(MaxListed));
        return report;
    }
}

/// <summary>What a verification found.</summary>
public sealed class BlockReport
{
    /// <summary>The first of the problems.</summary>
    public List<string> Problems { get; } = [];

    public int ProblemCount { get; set; }

    /// <summary>Traces that were read.</summary>
    public long TraceCount { get; set; }

    /// <summary>Spans that were read.</summary>
    public long SpanCount { get; set; }
}
