using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Engine.Node;

/// <summary>
/// Keeps the number of blocks small and lets old ones go, one thing after the other, and of merges several at once:
/// <code>
/// 0 poll      what others did in the object service, if there is one
/// 1 settle    inputs whose successor exists (of a round that was cut off, or a crash) are retired
/// 2 retain    expired blocks are marked and leave the view; blocks marked for long enough are deleted
/// 3 take out  blocks that hold deleted traces are written again without them
/// 4 compact   while there is a job, tenants in turn: merge, swap the view in one step, retire the inputs
/// </code>
/// Nobody else takes blocks out of the view, so 0 comes between jobs, too, and while a failure is waited for. In 1, 2 and 3 a
/// failure costs the block it happens to, in 4 the round: it is logged and counted, and the next one waits longer. A block that
/// cannot be read is quarantined: it is left out from then on, and stays where it is.
/// </summary>
internal sealed partial class CompactionLoop(
    NodeOptions options, CompactionServices services, NodeState state, BlockStore store, TraceDeletion deletion, BlockQuarantine quarantine,
    CompactionMetrics metrics, Log messages, TimeProvider time, Blocklist? blocklist = null, Func<long>? spareBytes = null,
    TaskCreationOptions longWork = TaskCreationOptions.LongRunning) : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <summary>Retention reads every block's folder; blocks outlive their time by a quarter of the hour they are kept at most.</summary>
    private static readonly TimeSpan LongestRetentionInterval = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly HashSet<BlockId> _settled = [];

    // Blocks whose inputs could not be retired, and why. They are not compacted: they would go before their inputs.
    private readonly Dictionary<BlockId, string> _unsettled = [];

    // Marked for want of space: they are deleted as soon as nobody reads them.
    private readonly HashSet<BlockId> _urgent = [];

    // Blocks that do not hold what was deleted then.
    private readonly Dictionary<BlockId, DeletedTraces> _lookedAt = [];

    // Blocks that may hold deleted traces and could not be written again: what was deleted stays hidden.
    private readonly HashSet<BlockId> _notRewritten = [];

    // Blocks were marked since the last deletion, here or by an earlier run.
    private bool _hasMarked = true;

    // The last job found no space on the disk: compacted blocks are not kept for their hour then.
    private bool _hadNoRoom;
    private readonly BlockCompactor _compactor = services.Compactor;
    private readonly BlockRetention _retention = services.Retention;
    private volatile string _lastError = "";
    private long? _lastRetention;

    /// <summary>For the marks on a merge's inputs, when the node stops just then: two small writes each.</summary>
    private static readonly TimeSpan FinishWhenStopping = TimeSpan.FromSeconds(10);

    /// <summary>Why the last round failed, or the block list could not be polled; empty if all went well.</summary>
    public string LastError => _lastError.Length > 0 ? _lastError : blocklist?.LastError ?? "";

    /// <summary>
    /// Runs until cancelled. What a run that was killed has not retired is retired at once, before the first wait: until then who else
    /// reads the blocks meets the spans of a merge twice.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        Func<CancellationToken, Task> round = SettleFirstAsync;
        var wait = TimeSpan.Zero;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await WaitAsync(wait, cancellation).ConfigureAwait(false);
#pragma warning disable RS0030 // a merge computes for as long as it takes: on a thread of its own it keeps none from the requests
                await Task.Factory.StartNew(() => round(cancellation), cancellation, longWork, TaskScheduler.Default).Unwrap()
                    .ConfigureAwait(false);
#pragma warning restore RS0030
                (round, wait) = (RunOnceAsync, options.CompactionCycle);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Told by RunOnceAsync; nothing was lost, and the next round begins where this one ended.
                wait = TimeSpan.FromTicks(Math.Min(LongestWait.Ticks, Math.Max(options.CompactionCycle.Ticks, wait.Ticks) * 2));
                messages.Debug("compaction waits", ("wait", wait), ("err", e.Message));
            }
        }
    }

    // What others do in the object service is not to wait for as long as a round that failed.
    private async Task WaitAsync(TimeSpan wait, CancellationToken cancellation)
    {
        for (; blocklist is not null && wait > options.CompactionCycle; wait -= options.CompactionCycle)
        {
            await Task.Delay(options.CompactionCycle, time, cancellation).ConfigureAwait(false);
            await _one.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                await blocklist.PollAsync(cancellation).ConfigureAwait(false);
            }
            finally
            {
                _one.Release();
            }
        }

        await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
    }

    /// <summary>One round: whatever there is to do now. Throws if compaction fails; retention that fails is counted only.</summary>
    public async Task RunOnceAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (blocklist is not null) await blocklist.PollAsync(cancellation).ConfigureAwait(false);
            if (options.IsCompactionDisabled) return;
            await SettleAsync(cancellation).ConfigureAwait(false);
            await RetainAsync(cancellation).ConfigureAwait(false);
            foreach (var (tenant, deleted) in state.View.Deleted)
                if (options.Owner.OwnsTenant(tenant)) await TakeOutAsync(tenant, deleted, cancellation).ConfigureAwait(false);
            await CompactAllAsync(cancellation).ConfigureAwait(false);
            metrics.QuarantinedBlocks.Set(Blocks.Count(block => state.View.Quarantined.Contains(block.Meta.BlockId)));
            metrics.IsFailing.Set(_unsettled.Count > 0 ? 1 : 0);
            _lastError = _unsettled.Values.FirstOrDefault("");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            metrics.Errors.Add();
            metrics.IsFailing.Set(1);
            _lastError = e.Message;
            messages.Error("compaction failed, will be tried again", ("err", e.Message));
            throw;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>After the loop has ended.</summary>
    public void Dispose() => _one.Dispose();

    // Those that still wait for their upload are not touched, and in a ring those that others see to neither.
    private IEnumerable<BlockHandle> Blocks =>
        state.View.Blocks.Where(block => block.Store == store && options.Owner.OwnsWindow(block.Meta.Tenant, WindowOf(block.Meta)));

    private long WindowOf(BlockMeta block) =>
        block.EndSeconds / Math.Max(1, (long)(services.OptionsOf(block.Tenant)?.Window ?? options.CompactionWindow).TotalSeconds);

    private async Task SettleFirstAsync(CancellationToken cancellation)
    {
        if (options.IsCompactionDisabled) return;
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await SettleAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task SettleAsync(CancellationToken cancellation)
    {
        foreach (var block in Blocks)
        {
            var meta = block.Meta;
            if (meta.CompactionLevel == 0 || _settled.Contains(meta.BlockId) || IsBeingMerged(meta.BlockId)) continue;
            try
            {
                await SettleAsync(meta, cancellation).ConfigureAwait(false);
                NoteSettled(meta);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                NoteUnsettled(meta, e);
            }
        }

        foreach (var gone in _unsettled.Keys.Except(Blocks.Select(static block => block.Meta.BlockId)).ToList()) _unsettled.Remove(gone);
    }

    private async Task SettleAsync(BlockMeta meta, CancellationToken cancellation)
    {
        var inputs = await _compactor.UnretiredInputsAsync(meta, cancellation).ConfigureAwait(false);
        if (inputs.Count == 0) return;
        Failpoints.Hit(Failpoint.CompactionSettling);
        var known = Metas().Where(input => inputs.Contains(input.BlockId)).ToList();
        RemoveFromView(inputs);
        await _compactor.RetireAsync(meta.Tenant, inputs, cancellation, known).ConfigureAwait(false);
        messages.Info("compaction finished that was cut off", ("tenant", meta.Tenant.Value), ("block", meta.BlockId.ToString()),
            ("inputs", inputs.Count));
    }

    private void NoteSettled(BlockMeta output)
    {
        _unsettled.Remove(output.BlockId);
        _settled.Add(output.BlockId);
    }

    private void NoteUnsettled(BlockMeta output, Exception e)
    {
        metrics.Errors.Add();
        if (_unsettled.GetValueOrDefault(output.BlockId) != e.Message)
            messages.Error("inputs of a block could not be retired, will be tried again", ("tenant", output.Tenant.Value),
                ("block", output.BlockId.ToString()), ("err", e.Message));
        _unsettled[output.BlockId] = e.Message;
    }

    private async Task RetainAsync(CancellationToken cancellation)
    {
        var interval =
            options.CompactedBlockRetention / 4 < LongestRetentionInterval ? options.CompactedBlockRetention / 4 : LongestRetentionInterval;
        var isSpaceShort = IsDiskShort || _retention.FindWithoutSpace(Metas(), _hasMarked).Count > 0;
        if (!isSpaceShort && _lastRetention is { } last && time.GetElapsedTime(last) < interval) return;
        var start = time.GetTimestamp();
        try
        {
            await MarkAsync(await _retention.FindExpiredAsync(Metas(), NoteUnretained, cancellation).ConfigureAwait(false), "block expired",
                cancellation).ConfigureAwait(false);
            await DeleteAsync(cancellation).ConfigureAwait(false);
            _hasMarked = false; // what could go went
            if (_retention.FindWithoutSpace(Metas(), _hasMarked) is { Count: > 0 } tooMuch)
            {
                _urgent.UnionWith(tooMuch.Select(static block => block.BlockId));
                await MarkAsync(tooMuch, "block has to go for want of space", cancellation).ConfigureAwait(false);
                await DeleteAsync(cancellation).ConfigureAwait(false);
            }

            _settled.IntersectWith(state.View.Blocks.Select(static block => block.Meta.BlockId));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Disks fill later rather than compaction stopping now.
            metrics.RetentionErrors.Add();
            messages.Error("retention failed, will be tried again", ("err", e.Message));
        }

        _lastRetention = time.GetTimestamp();
        metrics.RetentionSeconds.Observe(time.GetElapsedTime(start).TotalSeconds);
    }

    private bool IsDiskShort => _hadNoRoom || _retention.DiskExcessBytes > 0;

    // Of the tenants of which this node sees to the retention: whole ones.
    private BlockMeta[] Metas() =>
        [.. state.View.Blocks.Where(block => block.Store == store && options.Owner.OwnsTenant(block.Meta.Tenant))
            .Select(static block => block.Meta)];

    // Where the disk is too full everything that is marked is urgent, and else what was marked for want of space.
    private async Task DeleteAsync(CancellationToken cancellation)
    {
        if (!options.Owner.OwnsStore) return;
        var isDiskFull = IsDiskShort;
        var deleted = await _retention.DeleteAsync(state.BlocksInUse().Contains, block => isDiskFull || _urgent.Contains(block),
            NoteUnretained, cancellation).ConfigureAwait(false);
        _urgent.IntersectWith(state.BlocksInUse()); // the others are gone
        if (deleted > 0) messages.Info("blocks deleted", ("blocks", deleted));
        metrics.Deleted.Add(deleted);
    }

    private async Task MarkAsync(IReadOnlyList<BlockMeta> blocks, string why, CancellationToken cancellation)
    {
        foreach (var block in blocks)
        {
            try
            {
                await _compactor.RetireAsync(block.Tenant, [block.BlockId], cancellation, [block]).ConfigureAwait(false);
                RemoveFromView([block.BlockId]);
                metrics.Marked.Add();
                messages.Info(why, ("tenant", block.Tenant.Value), ("block", block.BlockId.ToString()));
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                NoteUnretained(block.BlockId, e);
            }
        }
    }

    private void NoteUnretained(BlockId block, Exception e)
    {
        metrics.RetentionErrors.Add();
        messages.Error("retention of a block failed, will be tried again", ("block", block.ToString()), ("err", e.Message));
    }

    // Each block is looked at once for each change of what is deleted.
    private async Task TakeOutAsync(TenantId tenant, DeletedTraces deleted, CancellationToken cancellation)
    {
        var isOut = true;
        foreach (var block in Metas())
        {
            if (block.Tenant != tenant || _lookedAt.TryGetValue(block.BlockId, out var known) && known == deleted) continue;
            if (_notRewritten.Contains(block.BlockId) || _unsettled.ContainsKey(block.BlockId)
                || !await TryTakeOutAsync(block, deleted, cancellation).ConfigureAwait(false))
                isOut = false;
            else _lookedAt[block.BlockId] = deleted;
        }

        var blocks = Metas().Select(static block => block.BlockId).ToHashSet();
        foreach (var gone in _lookedAt.Keys.Where(block => !blocks.Contains(block)).ToList()) _lookedAt.Remove(gone);
        // One that is still to be brought to the store of the blocks is looked at when it is there.
        isOut &= state.View.Blocks.All(block => block.Meta.Tenant != tenant || block.Store == store);
        if (isOut) await deletion.ForgetAsync(tenant, deleted, cancellation).ConfigureAwait(false);
    }

    /// <returns>True if the block holds none of them. One that takes the place of another is looked at in the next round.</returns>
    private async Task<bool> TryTakeOutAsync(BlockMeta block, DeletedTraces deleted, CancellationToken cancellation)
    {
        try
        {
            if (await _compactor.FindRewriteAsync(block, deleted, cancellation).ConfigureAwait(false) is not { } job) return true;
            Failpoints.Hit(Failpoint.DeletionFound);
            await CompactAsync(job, cancellation).ConfigureAwait(false);
            if (Metas().Any(left => left.BlockId == block.BlockId)) _notRewritten.Add(block.BlockId);
        }
        catch (DamagedInputException e)
        {
            _notRewritten.Add(block.BlockId);
            await QuarantineAsync([e.Block], e.Message, cancellation).ConfigureAwait(false);
        }

        return false;
    }

    // Left out from now on, whether or not the mark for later runs can be written.
    private async Task QuarantineAsync(IReadOnlyList<BlockMeta> blocks, string why, CancellationToken cancellation)
    {
        state.Update(view => view with { Quarantined = view.Quarantined.Union(blocks.Select(static block => block.BlockId)) });
        metrics.Errors.Add();
        messages.Error("blocks left out of compaction", ("tenant", blocks[0].Tenant.Value),
            ("blocks", string.Join(' ', blocks.Select(static block => block.BlockId))), ("err", why));
        foreach (var block in blocks) await quarantine.AddAsync(block, why, cancellation).ConfigureAwait(false);
    }

    private void RemoveFromView(IReadOnlyCollection<BlockId> blocks) =>
        state.TakeOut(blocks, view => view with { Blocks = [.. view.Blocks.Where(block => !blocks.Contains(block.Meta.BlockId))] });
}
