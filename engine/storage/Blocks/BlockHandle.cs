using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>A block that is known to exist; opened when it is first read, by whoever comes first.</summary>
public sealed class BlockHandle(BlockMeta meta, BlockStore store)
{
    private readonly Lock _lock = new();
    private Task<BlockReader>? _reader;

    public BlockMeta Meta { get; } = meta;

    /// <summary>The open block. A failure to open is thrown, and tried again by the next caller.</summary>
    public Task<BlockReader> OpenAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            // Not with the caller's token: others may wait for the same opening.
            if (_reader is null || _reader.IsFaulted) _reader = store.OpenAsync(Meta, CancellationToken.None);
            return _reader.WaitAsync(cancellation);
        }
    }
}
