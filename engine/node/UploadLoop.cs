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
/// again; meanwhile local disk fills, and no more than that happens.
/// </summary>
internal sealed class UploadLoop(NodeState state, LocalBlocks local, BlockStore remote, IObjectStore remoteObjects, UploadMetrics metrics, Log messages, TimeProvider time)
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);
    private readonly List<BlockHandle> _uploaded = [];

    /// <summary>Why the last upload failed; empty if it did not.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var wait = CheckInterval;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
                await RunOnceAsync(cancellation).ConfigureAwait(false);
                wait = CheckInterval;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (LastError != e.Message) messages.Error("upload failed, will be tried again", ("err", e.Message));
                LastError = e.Message;
                metrics.Failed.Add();
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
            }
        }
    }

    /// <summary>Uploads what is local, oldest first, and deletes what nobody reads any more.</summary>
    public async Task RunOnceAsync(CancellationToken cancellation)
    {
        foreach (var block in state.View.Blocks)
            if (block.Store == local.Store)
                await MoveAsync(block, cancellation).ConfigureAwait(false);
        for (var i = _uploaded.Count - 1; i >= 0; i--)
        {
            if (!_uploaded[i].IsClosed) continue;
            await local.DeleteAsync(_uploaded[i].Meta, cancellation).ConfigureAwait(false);
            _uploaded.RemoveAt(i);
        }

        LastError = "";
    }

    private async Task MoveAsync(BlockHandle block, CancellationToken cancellation)
    {
        var meta = block.Meta;
        var isThere = await remote.TryReadMetaAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation).ConfigureAwait(false) is not null;
        // Compacted since, in a run before a crash: its spans are in another block there.
        var isOver = !isThere && await remote.WasWrittenAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation).ConfigureAwait(false);
        if (!isThere && !isOver)
        {
            await local.CopyToAsync(remoteObjects, meta, cancellation).ConfigureAwait(false);
            metrics.Blocks.Add();
            metrics.Bytes.Add(meta.SizeBytes);
            messages.Info("block uploaded", ("tenant", meta.Tenant.Value), ("block", meta.BlockId.ToString()), ("bytes", meta.SizeBytes));
        }

        var uploaded = new BlockHandle(meta, remote);
        state.Update(view =>
        {
            var others = view.Blocks.Where(other => other != block);
            // The blocklist may have seen it first.
            return view with { Blocks = isOver || others.Any(other => other.Meta.BlockId == meta.BlockId) ? [.. others] : [.. others, uploaded] };
        });
        _uploaded.Add(block);
    }
}

/// <summary>Counters of uploads.</summary>
internal sealed class UploadMetrics(MetricRegistry registry)
{
    public Counter Blocks { get; } = registry.Counter("tempo_blocks_uploaded_total", "Blocks brought to the object service.").With();
    public Counter Bytes { get; } = registry.Counter("tempo_blocks_uploaded_bytes_total", "Bytes of data of the blocks brought to the object service.").With();
    public Counter Failed { get; } = registry.Counter("tempo_blocks_upload_failures_total", "Uploads that failed and are tried again.").With();
}
