using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// A block of one query, opened when it is first needed. Holds no reader itself: the next row group may come from another one. Thread safe.
/// </summary>
public sealed class QueryBlock
{
    private readonly QueryBlocks _blocks;
    private readonly BlockHandle _handle;
    private volatile BlockReadException? _failure;
    private volatile bool _wasOpened;

    internal QueryBlock(QueryBlocks blocks, BlockHandle handle, int number) => (_blocks, _handle, Number) = (blocks, handle, number);

    /// <summary>Its place in <see cref="QueryBlocks.All"/>.</summary>
    public int Number { get; }

    public BlockMeta Meta => _handle.Meta;

    /// <summary>What is known without opening it.</summary>
    public BlockSidecar Sidecar => _handle.Sidecar;

    /// <summary>The traces of a slice that both blocks hold, if it is known from an earlier query; else null.</summary>
    public InCommon? KnownInCommonWith(QueryBlock other, TraceSlice slice) =>
        _handle.Store.CommonTraces.Of(Meta.BlockId, other.Meta.BlockId, slice.First, slice.Last);

    /// <summary>Keeps them for later queries.</summary>
    public void KeepInCommonWith(QueryBlock other, TraceSlice slice, InCommon common) =>
        _handle.Store.CommonTraces.Keep(Meta.BlockId, other.Meta.BlockId, slice.First, slice.Last, common);

    /// <summary>The tree's numbers are those that this engine gives: it wrote the block.</summary>
    public bool HasOwnTrees => Meta.Checksums is not null;

    /// <summary>It is of a version that keeps how many children each span has.</summary>
    public bool HasChildCounts => TryOpen() is { HasChildCounts: true };

    /// <summary>It could not be opened, or not be read, and is not tried again by this query.</summary>
    public bool IsLeftOut => _failure is not null;

    /// <summary>This query has opened it.</summary>
    public bool WasOpened => _wasOpened;

    /// <summary>
    /// No trace of the block starts later, unix nanoseconds. Only of blocks that this engine wrote: of others the times in the meta
    /// may leave traces out.
    /// </summary>
    public ulong LatestUnixNano => Meta.Checksums is null ? ulong.MaxValue : TimeWindow.Nano(Meta.LatestSeconds);

    /// <summary>
    /// The open block. Throws <see cref="BlockReadException"/>, which has been reported, if it cannot be opened; reads of a far store
    /// wait on the calling thread, as those of pages do.
    /// </summary>
    public BlockReader Open()
    {
        if (_failure is { } failure) throw failure;
        if (_wasOpened && _handle.OpenReader is { } open) return open;
        try
        {
            var reader = _handle.OpenAsync(CancellationToken.None).GetAwaiter().GetResult();
            _wasOpened = true;
            return reader;
        }
        catch (BlockReadException e)
        {
            LeaveOut(e);
            throw;
        }
    }

    /// <summary>The same; null if it cannot be opened.</summary>
    public BlockReader? TryOpen()
    {
        if (IsLeftOut) return null;
        try
        {
            return Open();
        }
        catch (BlockReadException)
        {
            return null;
        }
    }

    /// <summary>The same without holding the thread.</summary>
    public async ValueTask<BlockReader?> TryOpenAsync(CancellationToken cancellation)
    {
        if (IsLeftOut) return null;
        try
        {
            var reader = await _handle.OpenAsync(cancellation).ConfigureAwait(false);
            _wasOpened = true;
            return reader;
        }
        catch (BlockReadException e)
        {
            LeaveOut(e);
            return null;
        }
    }

    /// <summary>Says that it cannot be read, and reads it no more.</summary>
    public void LeaveOut(BlockReadException why)
    {
        _failure = why;
        _blocks.Report(Meta, why);
    }

    /// <summary>
    /// False if the block certainly does not hold the trace, whose <see cref="SidecarHash.OfTrace"/> comes with it. Only a block without
    /// a sidecar is opened for that.
    /// </summary>
    public bool MayContain(TraceId id, ulong traceHash) =>
        Sidecar.MayContainTrace(id, traceHash) && (Sidecar.HasIdFilter ? !IsLeftOut : TryOpen() is { } block && block.MayContain(id));
}
