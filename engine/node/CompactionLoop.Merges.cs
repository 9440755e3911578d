using System.Globalization;
using System.Runtime.ExceptionServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Step 4 of a round. Merges compute on threads of their own, several at once, of blocks that no other one has; what changes the view,
/// marks and settles stays one thing after the other:
/// <code>
/// begin   jobs, until as many run as may, or none is left
/// end     the first that is done: swap the view, retire the inputs
/// </code>
/// After a failure none is begun any more, and those that run are ended as usual: then the round fails.
/// </summary>
internal sealed partial class CompactionLoop
{
    // Of this round: blocks that say that they are not to be compacted, and those that there was no memory for.
    private readonly HashSet<BlockId> _flagged = [];

    private readonly List<RunningMerge> _running = [];
    private string _lastTenant = "";

    // Of which the metrics tell how much there is to do.
    private List<string> _toldTenants = [];

    private async Task CompactAllAsync(CancellationToken cancellation)
    {
        _flagged.Clear();
        Exception? failure = null;
        while (true)
        {
            try
            {
                if (failure is null) await BeginMergesAsync(cancellation).ConfigureAwait(false);
                if (_running.Count == 0) break;
                await EndOneAsync(cancellation).ConfigureAwait(false);
                // Blocks that come to the view have to be settled before they are compacted.
                if (blocklist is not null && await blocklist.PollAsync(cancellation).ConfigureAwait(false))
                    await SettleAsync(cancellation).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                failure ??= e;
                if (_running.Count == 0) break;
            }
        }

        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }

    private async Task BeginMergesAsync(CancellationToken cancellation)
    {
        while (_running.Count < options.MaxConcurrentMerges && SelectJob() is { } job)
        {
            if (await _compactor.FlaggedAsync(job.Inputs, cancellation).ConfigureAwait(false) is { Count: > 0 } flagged)
                _flagged.UnionWith(flagged);
            else if (HasRoom(job)) _running.Add(Begin(job, cancellation));
            else break;
        }
    }

    private RunningMerge Begin(CompactionJob job, CancellationToken cancellation)
    {
        var deleted = state.View.DeletedOf(job.Tenant);
        var start = time.GetTimestamp();
        // One has the thread of the round.
        var merge = options.MaxConcurrentMerges == 1
            ? _compactor.MergeAsync(job, deleted, cancellation)
#pragma warning disable RS0030 // merges beside each other: a thread for each
            : Task.Factory.StartNew(
                () => _compactor.MergeAsync(job, deleted, cancellation), CancellationToken.None, longWork, TaskScheduler.Default).Unwrap();
#pragma warning restore RS0030
        return new RunningMerge(job, merge, start);
    }

    private async Task EndOneAsync(CancellationToken cancellation)
    {
        await Task.WhenAny(_running.Select(static running => running.Merge)).ConfigureAwait(false);
        var ended = _running.Find(static running => running.Merge.IsCompleted)!;
        _running.Remove(ended);
        await EndAsync(ended, cancellation).ConfigureAwait(false);
    }

    private Task CompactAsync(CompactionJob job, CancellationToken cancellation) => EndAsync(Begin(job, cancellation), cancellation);

    private async Task EndAsync(RunningMerge running, CancellationToken cancellation)
    {
        var job = running.Job;
        try
        {
            var merged = await running.Merge.ConfigureAwait(false);
            Failpoints.Hit(Failpoint.CompactionWritten);
            var (output, counts) = merged;
            if (output is null && counts.LeftOutTraces == 0)
            {
                await QuarantineAsync(job.Inputs, "it has no spans", cancellation).ConfigureAwait(false);
                return;
            }

            var inputs = job.Inputs.Select(static input => input.BlockId).ToList();
            // All that was in them was deleted, and no output tells after a failure that they have to go: so they go first.
            if (output is null) await _compactor.RetireAsync(job.Tenant, inputs, cancellation, job.Inputs).ConfigureAwait(false);
            Swap(inputs, output is null ? [] : [output, .. merged.Rest]);
            Failpoints.Hit(Failpoint.CompactionSwapped);
            metrics.DeletedTraces.Add(counts.LeftOutTraces);
            if (output is not null) await FinishAsync(job, output, cancellation).ConfigureAwait(false);
            _hasMarked = true;
            if (output is not null) Count(job, output, counts, time.GetElapsedTime(running.Start));
        }
        catch (DamagedInputException e)
        {
            await QuarantineAsync([e.Block], e.Message, cancellation).ConfigureAwait(false);
        }
        catch (OutOfMemoryException e)
        {
            // Who has memory again is not known: the next round tries these blocks, and this one goes on with the others.
            SpareMemory.LetGo();
            _flagged.UnionWith(job.Inputs.Select(static input => input.BlockId));
            metrics.Errors.Add();
            messages.Error("no memory for a merge, will be tried again", ("tenant", job.Tenant.Value), ("blocks", job.Inputs.Count),
                ("err", e.Message));
        }
        catch (Exception e) when (e is not (IOException or OperationCanceledException or ObjectStoreException))
        {
            // Not the disk, so it would happen again: these blocks are not tried any more, the others are.
            await QuarantineAsync(job.Inputs, $"{e.GetType().Name}: {e.Message}", cancellation).ConfigureAwait(false);
        }
    }

    // The output is in the view and the inputs are not: what fails now is no more than a settling that is still to do. A node that stops
    // does it first, since who else reads the blocks (a tool, an operator's DuckDB) would meet the spans twice until the next start; but it
    // does not wait long for a store that does not answer.
    private async Task FinishAsync(CompactionJob job, BlockMeta output, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        await using var stopping = cancellation.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).CancelAfter(FinishWhenStopping), late).ConfigureAwait(false);
        try
        {
            await _compactor.RetireAsync(job.Tenant, job.Inputs.Select(static input => input.BlockId), late.Token, job.Inputs)
                .ConfigureAwait(false);
            NoteSettled(output);
        }
        catch (Exception e) when (!late.IsCancellationRequested)
        {
            NoteUnsettled(output, e);
        }
    }

    // Tenants take turns: one with very many blocks does not keep the others waiting.
    private CompactionJob? SelectJob()
    {
        var tenants = Blocks.Select(static block => block.Meta)
            .GroupBy(static block => block.Tenant.Value)
            .OrderBy(tenant => string.CompareOrdinal(tenant.Key, _lastTenant) <= 0)
            .ThenBy(static tenant => tenant.Key, StringComparer.Ordinal)
            .ToList();
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        CompactionJob? job = null;
        foreach (var tenant in tenants)
        {
            var own = services.OptionsOf(tenant.First().Tenant);
            var blocks = tenant.Where(MayBeMerged).ToList();
            metrics.OutstandingBlocks.With(tenant.Key).Set(own is null ? 0 : CompactionSelector.CountOutstanding(blocks, now, own));
            if (own is not null) job ??= CompactionSelector.Select(blocks, now, own);
        }

        foreach (var gone in _toldTenants.Where(told => !tenants.Exists(tenant => tenant.Key == told)))
            metrics.OutstandingBlocks.Remove("tenant", gone);
        _toldTenants = tenants.ConvertAll(static tenant => tenant.Key);
        if (job is not null) _lastTenant = job.Tenant.Value;
        return job;
    }

    private bool MayBeMerged(BlockMeta block) =>
        !state.View.Quarantined.Contains(block.BlockId) && !_flagged.Contains(block.BlockId) && !_unsettled.ContainsKey(block.BlockId)
            && !IsBeingMerged(block.BlockId) && !store.Health.IsDamaged(block.BlockId);

    // Or what becomes of it: a poll may find that before the merge is ended here.
    private bool IsBeingMerged(BlockId block) =>
        _running.Exists(running => running.Job.OutputId == block || running.Job.Inputs.Any(input => input.BlockId == block));

    // What a merge makes is as large as what it reads, as long as both are there. Cuts come first: compaction that took their
    // space would end in requests being refused.
    private bool HasRoom(CompactionJob job)
    {
        var needed =
            _running.Select(static running => running.Job).Append(job).Sum(static job => job.Inputs.Sum(static input => input.SizeBytes));
        var spare = spareBytes?.Invoke() ?? long.MaxValue;
        // Beside others there may be none for a moment, which is no reason to delete anything.
        _hadNoRoom = spare < needed && _running.Count == 0;
        if (_hadNoRoom)
            messages.Warn(
                "compaction waits for space on the disk", ("tenant", job.Tenant.Value), ("needed_bytes", needed), ("spare_bytes", spare));
        return spare >= needed;
    }

    private void Swap(List<BlockId> inputs, IReadOnlyList<BlockMeta> outputs)
    {
        var added = outputs.Select(output => new BlockHandle(output, store)).ToList();
        var gone = inputs.Concat(outputs.Select(static output => output.BlockId)).ToHashSet();
        state.TakeOut(inputs, view => view with { Blocks = [.. view.Blocks.Where(block => !gone.Contains(block.Meta.BlockId)), .. added] });
    }

    private void Count(CompactionJob job, BlockMeta output, MergeCounts counts, TimeSpan took)
    {
        var level = output.CompactionLevel.ToString(CultureInfo.InvariantCulture);
        metrics.InputBlocks.With(level).Add(job.Inputs.Count);
        metrics.TracesWritten.With(level).Add(output.TotalObjects);
        metrics.TracesCombined.With(level).Add(counts.CombinedTraces);
        metrics.BytesWritten.With(level).Add(output.SizeBytes);
        metrics.DuplicateSpans.Add(counts.DuplicateSpans);
        metrics.CopiedBytes.Add(counts.CopiedBytes);
        messages.Info(
            "blocks compacted",
            ("tenant", job.Tenant.Value),
            ("block", output.BlockId.ToString()),
            ("inputs", job.Inputs.Count),
            ("traces", output.TotalObjects),
            ("bytes_before", job.Inputs.Sum(static input => input.SizeBytes)),
            ("bytes", output.SizeBytes),
            ("took", took));
    }

    private sealed record RunningMerge(CompactionJob Job, Task<MergeResult> Merge, long Start);
}
