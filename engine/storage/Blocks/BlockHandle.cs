using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// A block that is known to exist; opened when it is first read, by whoever comes first, and as long as there is room for it among
/// the <see cref="OpenBlocks"/>. Whoever drops it from what can be read closes it when the last reader is gone.
/// </summary>
public sealed class BlockHandle(BlockMeta meta, BlockStore store)
{
    private readonly Lock _lock = new();
    private volatile Task<BlockReader>? _reader;
    private bool _isClosed;

    public BlockMeta Meta { get; } = meta;

    /// <summary>What can be known of the block without opening its data.</summary>
    public BlockSidecar Sidecar { get; } = store.SidecarOf(meta);

    /// <summary>Where it is.</summary>
    public BlockStore Store { get; } = store;

    /// <summary>The block if it is open.</summary>
    public BlockReader? OpenReader => _reader is { IsCompletedSuccessfully: true } open ? open.Result : null;

    /// <summary>No one reads it any more.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_lock) return _isClosed;
        }
    }

    /// <summary>The open block. A failure to open is thrown, and tried again by the next caller.</summary>
    public async Task<BlockReader> OpenAsync(CancellationToken cancellation)
    {
        Task<BlockReader> opening;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            // Not with the caller's token: others may wait for the same opening.
            if (_reader is null || _reader.IsFaulted) _reader = Store.OpenAsync(Meta, Sidecar, this, CancellationToken.None);
            opening = _reader;
        }

        var reader = await opening.WaitAsync(cancellation).ConfigureAwait(false);
        Store.Open.Use(this, reader);
        return reader;
    }

    /// <summary>There is no room to keep it open: the next caller opens it anew.</summary>
    internal void LetGo(BlockReader reader)
    {
        lock (_lock)
            if (_reader is { IsCompletedSuccessfully: true } open && open.Result == reader)
                _reader = null;
        reader.CloseFile();
    }

    /// <summary>Closes the block's file. Nobody may be reading, or begin to.</summary>
    public void Close()
    {
        Task<BlockReader>? reader;
        lock (_lock)
        {
            _isClosed = true;
            (reader, _reader) = (_reader, null);
        }

        Sidecar.Close();
        Store.Open.Remove(this);
        Store.Columns.Remove(this);
        Store.CommonTraces.Remove(Meta.BlockId);
        // A reader that gave up waiting has left an opening behind: it is closed as soon as it is open.
        reader?.ContinueWith(
            static opened => opened.Result.Dispose(),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
