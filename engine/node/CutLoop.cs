using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// Turns live data into blocks when it is old or large enough:
/// <code>
/// 1 roll     new requests go to a new generation; wait until the last request has left the old one
/// 2 write    one block per tenant, ids derived from the generation (so that doing it again does no harm); several where a
///            trace is too large for one row, the first of them last: if it is there, all are
/// 3 swap     in one step readers see the blocks instead of the generation
/// 4 release  the generation's log files are free
/// </code>
/// A failure leaves the generation as it is: readable, logged, and tried again.
/// </summary>
internal sealed class CutLoop(NodeOptions options, WriteAheadLog log, BlockStore store, ColumnPromotion promotion, NodeState state, NodeMetrics metrics, Log messages, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim _one = new(1, 1);

    // The generation that was last seen to hold spans, and since when: the age that counts is that of the spans.
    private (Generation? Generation, long Since) _filled;

    /// <summary>Why the last cut failed; empty if it did not.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(LastError.Length > 0 ? RetryInterval : CheckInterval, time, cancellation).ConfigureAwait(false);
                log.CheckAgain();
                await CutAsync(force: false, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception)
            {
                // Noted by CutAsync, and heard by /ready through LastError; the data stays readable and the next round tries again.
            }
        }
    }

    /// <summary>Cuts what is due, or with <paramref name="force"/> everything there is, and throws if that fails.</summary>
    public async Task CutAsync(bool force, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (force || IsDue(state.View.Current)) await RollAsync().ConfigureAwait(false);
            while (state.View.Generations is { Length: > 1 } waiting)
            {
                await WriteAsync(waiting[0], cancellation).ConfigureAwait(false);
            }

            LastError = "";
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            Fail(e);
            throw;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>After the loop has ended: waits for a flush that is under way, and lets none begin.</summary>
    public async ValueTask DisposeAsync()
    {
        await _one.WaitAsync().ConfigureAwait(false);
        _one.Dispose();
    }

    private void Fail(Exception e)
    {
        if (LastError != e.Message) messages.Error("cut failed, will be tried again", ("err", e.Message));
        LastError = e.Message;
        metrics.CutsFailed.Add();
    }

    private bool IsDue(Generation generation)
    {
        if (generation.Live.SpanCount == 0) return false;
        if (_filled.Generation != generation) _filled = (generation, time.GetTimestamp());
        return generation.Live.SpanCount >= options.MaxLiveSpans
            || generation.Live.ByteCount >= options.MaxLiveBytes
            || time.GetElapsedTime(_filled.Since) >= options.MaxBlockDuration;
    }

    private async Task RollAsync()
    {
        var old = state.View.Current;
        if (old.Live.ByteCount == 0) return;
        state.Update(view => view with { Generations = [.. view.Generations, state.NewGeneration(log.Roll())] });
        await old.SealAsync().ConfigureAwait(false);
    }

    private async Task WriteAsync(Generation generation, CancellationToken cancellation)
    {
        var written = new List<BlockHandle>();
        foreach (var tenant in generation.Live.Tenants)
        {
            var batches = new List<LiveBatchView>();
            generation.Live.CollectBatches(tenant, batches);
            var parts = TraceParts.Plan(batches, RowLimits.OfBlocks);
            for (var part = parts.Count - 1; part >= 0; part--)
                if (await WriteAsync(generation, tenant, parts, part, cancellation).ConfigureAwait(false) is { } meta)
                    written.Add(new BlockHandle(meta, store));
        }

        // A crash between two parts leaves the later ones behind, which the start has found: they are the same blocks.
        var ids = written.Select(static block => block.Meta.BlockId).ToHashSet();
        state.Update(view => view with
        {
            Generations = [.. view.Generations.Where(g => g != generation)],
            Blocks = [.. view.Blocks.Where(b => !ids.Contains(b.Meta.BlockId)), .. written],
        });
        // A query that still reads it leaves it to the garbage collector.
        if (generation.TryRetire()) generation.Live.Recycle();
        if (log.Release(generation.Log) is not DiskError.None and var error) messages.Warn("log files not released yet", ("generation", generation.Log.Number), ("err", error));
    }

    private async Task<BlockMeta?> WriteAsync(Generation generation, TenantId tenant, TraceParts parts, int part, CancellationToken cancellation)
    {
        var id = BlockIds.Of(log.Identity, generation.Log.Number, tenant, part);
        void ForEach(Action<OrderedTrace> visit) => parts.ForEach(part, trace =>
        {
            cancellation.ThrowIfCancellationRequested(); // a stop need not wait for a large block: the log still has it all
            visit(trace);
        });
        var block = new NewBlock { Tenant = tenant, Id = id, Layout = store.Layout with { DedicatedColumns = promotion.ColumnsFor(tenant) } };
        var meta = await store.WriteAsync(block, writer => ForEach(writer.Add), cancellation).ConfigureAwait(false);
        if (meta is null) return null;
        metrics.BlocksCut.Add();
        metrics.BlockBytes.Add(meta.SizeBytes);
        messages.Info("block written", ("tenant", tenant.Value), ("block", id.ToString()), ("traces", meta.TotalObjects), ("bytes", meta.SizeBytes));
        return meta;
    }
}
