using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Runs a job, in steps that may each be the last before a crash:
/// <code>
/// 1 merge     the output is written like any block; its inputs' ids beside it, meta.json last. What is too large for a row of it
///             goes to further blocks, which are there before it is, and are not compacted again (nocompact.flg)
/// 2 retire    each input is marked compacted
/// </code>
/// Before 1 is complete nothing of it is visible. Between 1 and 2 spans are in two blocks, which readers count once;
/// <see cref="UnretiredInputsAsync"/> then finds what is left to do. No job may begin before that is done, or the output
/// could go away again before its inputs.
/// </summary>
public sealed class BlockCompactor(
    IObjectStore objects, BlockStore store, CompactedBlocks compacted, CompactionOptions options,
    Func<CompactionJob, DedicatedColumns>? columnsFor = null)
{
    private MergeMemory? _memory;

    /// <summary>
    /// Writes the output, or finds it if an earlier attempt has. <see cref="MergeResult.Output"/> is null if the inputs have no
    /// spans. Throws <see cref="DamagedInputException"/> for an input that cannot be read, and what
    /// <see cref="BlockStore.WriteAsync(NewBlock, Action{Blocks.Write.BlockWriter}, CancellationToken, Func{Task})"/> throws. Works for as
    /// long as it takes on the caller's thread.
    /// </summary>
    public Task<MergeResult> MergeAsync(CompactionJob job, CancellationToken cancellation) =>
        MergeAsync(job, DeletedTraces.None, cancellation);

    /// <summary>The same without traces that were deleted.</summary>
    public async Task<MergeResult> MergeAsync(CompactionJob job, DeletedTraces deleted, CancellationToken cancellation)
    {
        var existing = await store.TryReadMetaAsync(job.Tenant, job.OutputId, static _ => { }, cancellation).ConfigureAwait(false);
        if (existing is not null)
            return new MergeResult(existing, default) { Rest = await FindRestAsync(job, cancellation).ConfigureAwait(false) };
        var inputs = new List<BlockReader>();
        // One is kept: of merges beside each other the others take, and leave, memory of their own.
        var memory = Interlocked.Exchange(ref _memory, null) ?? new MergeMemory();
        memory.SpillPath = store.SpillPathOf(job.OutputId);
        try
        {
            foreach (var input in job.Inputs) inputs.Add(await OpenAsync(input, forMerge: true, cancellation).ConfigureAwait(false));
            Failpoints.Hit(Failpoint.CompactionOpened);
            var layout = options.Layout with { DedicatedColumns = columnsFor?.Invoke(job) ?? job.DedicatedColumns };
            var counts = default(MergeCounts);
            var rest = new List<BlockMeta>();
            Task<BlockMeta?> WriteAsync(int part, Func<Task>? beforeMeta) => store.WriteAsync(
                new NewBlock
                {
                    Tenant = job.Tenant,
                    Id = job.PartId(part),
                    CompactionLevel = job.OutputLevel,
                    Layout = layout,
                    Times = TimeWindow.Of(job.Inputs),
                    // The other parts name no inputs: those go when the first part is there, and then all are.
                    CompactedFrom = part == 0 ? [.. job.Inputs.Select(static input => input.BlockId)] : [],
                    IsNotCompacted = part > 0,
                },
                writer =>
                {
                    var written = Merge(inputs, writer, memory, deleted, part, cancellation);
                    if (part == 0) counts = written;
                },
                cancellation,
                beforeMeta);
            var output = await WriteAsync(0, async () =>
            {
                for (var part = 1; part < counts.PartCount; part++)
                    rest.Add(await WriteAsync(part, null).ConfigureAwait(false) ?? throw BlockMerge.IsEmpty(part, counts.PartCount));
            }).ConfigureAwait(false);
            return new MergeResult(output, counts) { Rest = rest };
        }
        finally
        {
            memory.Release();
            foreach (var input in inputs) input.Dispose();
            _memory = memory;
        }
    }

    private MergeCounts Merge(
        List<BlockReader> inputs, BlockWriter writer, MergeMemory memory, DeletedTraces deleted, int part, CancellationToken cancellation)
    {
        memory.Begin();
        return BlockMerge.Run(inputs, writer, memory, deleted, options.RowLimits, part, cancellation, options.CopiesRowGroups);
    }

    private async Task<IReadOnlyList<BlockMeta>> FindRestAsync(CompactionJob job, CancellationToken cancellation)
    {
        var rest = new List<BlockMeta>();
        for (var part = 1; ; part++)
        {
            if (await store.TryReadMetaAsync(job.Tenant, job.PartId(part), static _ => { }, cancellation)
                .ConfigureAwait(false) is not { } meta)
                break;
            rest.Add(meta);
        }

        return rest;
    }

    /// <summary>
    /// The job that writes the block again without the deleted traces that it holds; null if it holds none. Throws
    /// <see cref="DamagedInputException"/> for a block that cannot be read.
    /// </summary>
    public async Task<CompactionJob?> FindRewriteAsync(BlockMeta block, DeletedTraces deleted, CancellationToken cancellation)
    {
        using var reader = await OpenAsync(block, forMerge: false, cancellation).ConfigureAwait(false);
        try
        {
            var held = deleted.Ids.Where(
                id => reader.MayContain(id) && reader.Find(id, static (opened, group) => opened.OpenRowGroup(group)).Row >= 0).ToList();
            return held.Count == 0 ? null : CompactionJob.Rewrite(block, held);
        }
        catch (BlockReadException e)
        {
            throw new DamagedInputException(block, e.Message, e);
        }
    }

    /// <summary>Those of the blocks that are flagged not to be compacted (storage specification §7).</summary>
    public async Task<IReadOnlyList<BlockId>> FlaggedAsync(IEnumerable<BlockMeta> blocks, CancellationToken cancellation)
    {
        var flagged = new List<BlockId>();
        foreach (var block in blocks)
            if (await objects.TryGetInfoAsync(BlockObjects.Key(block.Tenant, block.BlockId, BlockObjects.NoCompact), cancellation)
                .ConfigureAwait(false) is not null)
                flagged.Add(block.BlockId);
        return flagged;
    }

    /// <summary>Marks the inputs of a block that exists; those that are marked already stay as they are.</summary>
    /// <param name="known">Metas of inputs, as far as they are known (<see cref="CompactedBlocks.MarkAsync"/>).</param>
    public async Task RetireAsync(
        TenantId tenant, IEnumerable<BlockId> inputs, CancellationToken cancellation, IReadOnlyCollection<BlockMeta>? known = null)
    {
        foreach (var input in inputs)
            await compacted.MarkAsync(tenant, input, cancellation, known?.FirstOrDefault(meta => meta.BlockId == input))
                .ConfigureAwait(false);
    }

    /// <summary>The inputs of a block that compaction wrote which are not marked yet; none for any other block.</summary>
    public async Task<IReadOnlyList<BlockId>> UnretiredInputsAsync(BlockMeta output, CancellationToken cancellation)
    {
        var key = BlockObjects.Key(output.Tenant, output.BlockId, BlockObjects.CompactedFrom);
        var json = await objects.TryGetAsync(key, CompactedFrom.MaxJsonBytes, cancellation).ConfigureAwait(false);
        if (json is null || !CompactedFrom.TryParse(json, out var inputs)) return [];
        var left = new List<BlockId>();
        foreach (var input in inputs)
            if (input != output.BlockId && await objects.TryGetInfoAsync(
                BlockObjects.Key(output.Tenant, input, BlockObjects.Meta), cancellation).ConfigureAwait(false) is not null)
                left.Add(input);
        return left;
    }

    private async Task<BlockReader> OpenAsync(BlockMeta input, bool forMerge, CancellationToken cancellation)
    {
        try
        {
            return await (forMerge
                ? store.OpenForMergeAsync(input, cancellation)
                : store.OpenAsync(input, cancellation)).ConfigureAwait(false);
        }
        catch (BlockReadException e)
        {
            throw new DamagedInputException(input, e.Message, e);
        }
    }
}

/// <summary>What came of a merge.</summary>
/// <param name="Output">The block that takes the place of the inputs.</param>
/// <param name="Counts">What was brought together; zero if an earlier attempt wrote the output.</param>
public readonly record struct MergeResult(BlockMeta? Output, MergeCounts Counts)
{
    /// <summary>Blocks with parts of traces that are too large for one row of the output; none ordinarily.</summary>
    public IReadOnlyList<BlockMeta> Rest { get; init; } = [];
}
