using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node;

/// <summary>
/// Brings blocks from the local folder to the object service:
/// <code>
/// 1 upload   the block's objects as they are, meta.json last; a block that is there already needs none
/// 2 swap     readers see the remote block instead of the local one, in one step
/// 3 delete   the local objects, meta.json first, when the last reader is gone
/// </code>
/// A crash at any point repeats a step that does no harm. A failure leaves the block where it is, readable, and is tried
/// again, later each time; meanwhile local disk fills, and no more than that happens. The blocks behind it do not wait for it.
/// </summary>
internal sealed class UploadLoop(
    NodeState state, LocalBlocks local, BlockStore remote, IObjectStore remoteObjects, UploadMetrics metrics, Log messages,
    TimeProvider time)
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>So many blocks one after the other fail because the service does: the others wait for the next round.</summary>
    private const int MaxFailuresInARow = 3;

    private readonly List<BlockHandle> _uploaded = [];
    private readonly Dictionary<BlockId, Failure> _failures = [];

    /// <summary>Why a block could not be uploaded that still waits for it; empty if there is none.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Runs until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => NodeLoop.EveryAsync(CheckInterval, RunOnceAsync, e =>
    {
        // A bug: what blocks do not do themselves.
        LastError = e.Message;
        messages.Error("uploads failed, will be tried again", ("err", e));
    }, time, cancellation);

    /// <summary>Uploads what is local and not failing, oldest first, and deletes what nobody reads any more.</summary>
    public async Task RunOnceAsync(CancellationToken cancellation)
    {
        var failuresInARow = 0;
        foreach (var block in state.View.Blocks)
        {
            if (block.Store != local.Store || Waits(block.Meta.BlockId)) continue;
            failuresInARow = await TryAsync(block.Meta, () => MoveAsync(block, cancellation), cancellation).ConfigureAwait(false)
                ? 0
                : failuresInARow + 1;
            if (failuresInARow == MaxFailuresInARow) break;
        }

        for (var i = _uploaded.Count - 1; i >= 0; i--)
        {
            var block = _uploaded[i];
            if (!block.IsClosed || Waits(block.Meta.BlockId)) continue;
            if (await TryAsync(block.Meta, () => local.DeleteAsync(block.Meta, cancellation), cancellation).ConfigureAwait(false))
                _uploaded.RemoveAt(i);
        }

        LastError = _failures.Values.Select(static failure => failure.Error).FirstOrDefault("");
    }

    private bool Waits(BlockId block) => _failures.TryGetValue(block, out var failure) && time.GetElapsedTime(failure.At) < failure.Wait;

    private async Task<bool> TryAsync(BlockMeta meta, Func<Task> work, CancellationToken cancellation)
    {
        try
        {
            await work().ConfigureAwait(false);
            _failures.Remove(meta.BlockId);
            return true;
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            var before = _failures.GetValueOrDefault(meta.BlockId);
            if (before.Error != e.Message)
                messages.Error("upload failed, will be tried again", ("tenant", meta.Tenant.Value), ("block", meta.BlockId.ToString()),
                    ("err", e.Message));
            var wait = before.Wait * 2 < LongestWait ? before.Wait * 2 : LongestWait;
            _failures[meta.BlockId] = new Failure(e.Message, time.GetTimestamp(), wait > CheckInterval ? wait : CheckInterval);
            metrics.Failed.Add();
            return false;
        }
    }

    private async Task MoveAsync(BlockHandle block, CancellationToken cancellation)
    {
        var meta = block.Meta;
        var isThere =
            await remote.TryReadMetaAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation).ConfigureAwait(false) is not null;
        // Compacted since: it was uploaded in a run before a crash, or by an attempt whose answer was lost. Its spans are in another block
        // there.
        var isOver =
            !isThere && await remote.WasWrittenAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation).ConfigureAwait(false);
        if (!isThere && !isOver)
        {
            Failpoints.Hit(Failpoint.UploadBegun);
            await local.CopyToAsync(remoteObjects, meta, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.UploadCopied);
            metrics.Blocks.Add();
            metrics.Bytes.Add(meta.SizeBytes);
            messages.Info("block uploaded", ("tenant", meta.Tenant.Value), ("block", meta.BlockId.ToString()), ("bytes", meta.SizeBytes));
        }

        // Before it is not local any more: who asks in between hears of it twice rather than never. Of one that is over, too: neither this
        // node nor others need know what it became, and its data stay for a while; who finds them gone lists the store. It is not compacted
        // again.
        state.Recent.Add(meta);
        var uploaded = new BlockHandle(meta, remote);
        state.Update(view =>
        {
            // The blocklist may have seen it first.
            BlockHandle[] blocks = [.. view.Blocks.Where(other => other != block)];
            BlockHandle[] former = [.. view.Former.Where(other => isOver || other.Meta.BlockId != meta.BlockId)];
            if (blocks.Concat(former).Any(other => other.Meta.BlockId == meta.BlockId))
                return view with { Blocks = blocks, Former = former };
            return isOver
                ? view with { Blocks = blocks, Former = [.. former, uploaded] }
                : view with { Blocks = [.. blocks, uploaded], Former = former };
        });
        Failpoints.Hit(Failpoint.UploadSwapped);
        _uploaded.Add(block);
    }

    private readonly record struct Failure(string Error, long At, TimeSpan Wait);
}

/// <summary>Counters of uploads.</summary>
internal sealed class UploadMetrics(MetricRegistry registry)
{
    public Counter Blocks { get; } = registry.Counter("tempo_blocks_uploaded_total", "Blocks brought to the object service.").With();
    public Counter Bytes { get; } =
        registry.Counter("tempo_blocks_uploaded_bytes_total", "Bytes of data of the blocks brought to the object service.").With();
    public Counter Failed { get; } =
        registry.Counter("tempo_blocks_upload_failures_total", "Uploads that failed and are tried again.").With();
}
