using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Node.Peers.Blocks;

/// <summary>
/// The objects of a peer's blocks that wait for their upload, to be read; what is not there any more is in the shared store by
/// now, and is read from it.
/// </summary>
internal sealed class PeerObjects(IPeer peer, IObjectStore shared) : IObjectStore
{
    public async ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
    {
        using var answer = new NativeBuffer(64 * 1024);
        if (await AskAsync(key, 0, maxSizeBytes, onlySize: false, answer, cancellation).ConfigureAwait(false) is not var (size, content))
            return await shared.TryGetAsync(key, maxSizeBytes, cancellation).ConfigureAwait(false);
        var bytes = answer.Written[content].ToArray();
        return size == bytes.Length
            ? bytes
            : throw new ObjectStoreException(ObjectStoreError.TooLarge, key, $"{size} bytes; the limit is {maxSizeBytes}");
    }

    public async ValueTask<int> GetRangeAsync(
        ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) =>
            await ReadAsync(key, offset, ReadTarget.Of(destination), cancellation).ConfigureAwait(false)
                ?? await shared.GetRangeAsync(key, offset, destination, cancellation).ConfigureAwait(false);

    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
        ObjectKey key, long offset, int count, CancellationToken cancellation = default)
    {
        var chunks = ReadTarget.Chunks(count);
        return await ReadAsync(key, offset, chunks, cancellation).ConfigureAwait(false) is { } read
            ? chunks.Filled(read)
            : await shared.GetChunksAsync(key, offset, count, cancellation).ConfigureAwait(false);
    }

    public async ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default)
    {
        using var answer = new NativeBuffer(64);
        return await AskAsync(key, 0, 0, onlySize: true, answer, cancellation).ConfigureAwait(false) is var (size, _)
            ? new ObjectInfo(size, DateTimeOffset.UnixEpoch)
            : await shared.TryGetInfoAsync(key, cancellation).ConfigureAwait(false);
    }

    public ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => throw ReadOnly(key);

    public ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default) =>
        throw ReadOnly(key);

    public ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default) => throw ReadOnly(key);

    public ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
        throw ReadOnly(key);

    public ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            throw ReadOnly(key);

    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) =>
        throw ReadOnly(folder);

    public ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default) => throw ReadOnly(key);

    private static ObjectStoreException ReadOnly(ObjectKey key) =>
        new(ObjectStoreError.Failed, key, "blocks of another node can only be read");

    // Null: as of AskAsync.
    private async ValueTask<int?> ReadAsync(ObjectKey key, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        using var answer = new NativeBuffer(destination.Length + 64);
        if (await AskAsync(key, offset, destination.Length, onlySize: false, answer, cancellation)
            .ConfigureAwait(false) is not var (_, content))
            return null;
        var bytes = answer.Written[content];
        if (bytes.Length > destination.Length)
            throw new ObjectStoreException(
                ObjectStoreError.Failed, key, $"{peer.Name} sent {bytes.Length} bytes where {destination.Length} were asked for");
        destination.Fill(bytes);
        return bytes.Length;
    }

    // Null: it is not there, or nobody is: then the shared store may have it.
    private async ValueTask<(long Size, Range Content)?> AskAsync(
        ObjectKey key, long offset, int count, bool onlySize, NativeBuffer answer, CancellationToken cancellation)
    {
        try
        {
            await peer.AskAsync(PeerQuestion.Part, PeerMessages.EncodePartQuestion(key, offset, count, onlySize), answer, cancellation)
                .ConfigureAwait(false);
            var (isThere, size, content) = PeerMessages.DecodePartAnswer(answer.Written);
            return isThere ? (size, content) : null;
        }
        catch (PeerException e)
        {
            if (await shared.TryGetInfoAsync(key, cancellation).ConfigureAwait(false) is not null) return null;
            throw new ObjectStoreException(ObjectStoreError.Failed, key, e.Message, e);
        }
    }
}
