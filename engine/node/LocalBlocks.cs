using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node;

/// <summary>The local folder as the place where blocks wait for their upload.</summary>
internal sealed class LocalBlocks(LocalObjectStore objects, BlockStore store)
{
    public BlockStore Store => store;

    /// <summary>Copies the block's objects, meta.json last.</summary>
    public async Task CopyToAsync(IObjectStore target, BlockMeta meta, CancellationToken cancellation)
    {
        foreach (var key in await store.ObjectsOfAsync(meta, metaFirst: false, cancellation).ConfigureAwait(false))
        {
            using var file = objects.TryOpen(key) ?? throw new ObjectStoreException(ObjectStoreError.NotFound, key, "no such object");
            var content = file.OpenStream();
            await using (content.ConfigureAwait(false))
                await target.PutAsync(key, content, file.SizeBytes, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.UploadObject);
        }
    }

    /// <summary>Deletes the block's objects, meta.json first: what is left by a crash is no block.</summary>
    public async Task DeleteAsync(BlockMeta meta, CancellationToken cancellation)
    {
        foreach (var key in await store.ObjectsOfAsync(meta, metaFirst: true, cancellation).ConfigureAwait(false))
        {
            await objects.DeleteAsync(key, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.UploadLocalObject);
        }
    }
}
