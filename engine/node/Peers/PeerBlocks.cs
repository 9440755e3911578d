using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node.Peers;

/// <summary>
/// The newest blocks of other nodes, open for queries until this node's own list of the store has them. Those that wait for their
/// upload are read from their node, the others from the store. Thread safe.
/// </summary>
internal sealed class PeerBlocks(IObjectStore sharedObjects, BlockStore shared, string workFolder, BlockStoreOptions options, TimeProvider time)
{
    /// <summary>A block that no query asked for is closed after this; longer than any query runs.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Peer, BlockId Block, bool IsLocal), Entry> _handles = [];
    private readonly Dictionary<BlockId, long> _gone = []; // since when they are known to be
    private readonly HashSet<BlockId> _over = [];
    private readonly Queue<(BlockId Block, long At)> _overOrder = []; // for longer than anybody tells of a block
    private readonly Dictionary<string, (IPeer Peer, BlockStore Store)> _stores = new(StringComparer.Ordinal);

    /// <summary>Those that peers have uploaded and that are not in the store any more, as far as it answers. Asks for each: for after one of them could not be read.</summary>
    public async Task<List<BlockId>> GoneAsync(CancellationToken cancellation)
    {
        BlockMeta[] told;
        lock (_lock) told = [.. _handles.Where(static entry => !entry.Key.IsLocal).Select(static entry => entry.Value.Handle.Meta).DistinctBy(static meta => meta.BlockId).Where(meta => !_over.Contains(meta.BlockId))];
        var gone = new List<BlockId>();
        try
        {
            foreach (var meta in told)
                if (await shared.TryReadMetaAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation).ConfigureAwait(false) is null) gone.Add(meta.BlockId);
        }
        catch (ObjectStoreException)
        {
            // The others may be there.
        }

        return gone;
    }

    /// <summary>These are gone, at this time. Once the store was listed since, who goes on telling of them is not believed.</summary>
    public void Forget(IEnumerable<BlockId> gone, long at, Func<long, bool> isListedSince)
    {
        lock (_lock)
        {
            foreach (var block in gone) _gone.TryAdd(block, at);
            var listed = _gone.Where(entry => isListedSince(entry.Value)).Select(static entry => entry.Key).ToList();
            foreach (var block in listed) _gone.Remove(block);
            while (_overOrder.TryPeek(out var first) && time.GetElapsedTime(first.At) > RecentBlocks.Kept * 2) _over.Remove(_overOrder.Dequeue().Block);
            foreach (var block in listed)
                if (_over.Add(block)) _overOrder.Enqueue((block, time.GetTimestamp()));
        }
    }

    /// <summary>Handles of a peer's blocks but for those that are in <paramref name="known"/>. Throws <see cref="PeerException"/>.</summary>
    public async Task<List<BlockHandle>> OpenAsync(PeerPart part, IReadOnlySet<BlockId> known, CancellationToken cancellation)
    {
        var opened = new List<BlockHandle>();
        var unknown = new List<(BlockId Id, bool IsLocal)>();
        foreach (var block in part.Blocks)
        {
            if (known.Contains(block.Id) || !block.IsLocal && IsOver(block.Id)) continue;
            if (Find(part.Peer, block.Id, block.IsLocal) is { } handle) opened.Add(handle);
            else unknown.Add(block);
        }

        if (unknown.Count == 0) return opened;
        using var answer = new NativeBuffer(16 * 1024);
        await part.Peer.AskAsync(PeerQuestion.Metas, PeerMessages.EncodeMetasQuestion(unknown.Select(static block => block.Id)), answer, cancellation).ConfigureAwait(false);
        var metas = new Dictionary<BlockId, BlockMeta>();
        foreach (var json in PeerMessages.DecodeMetasAnswer(answer.Written))
        {
            if (!BlockMeta.TryParse(json, out var meta, out var error)) throw new PeerException($"{part.Peer.Name} sent a meta.json that cannot be read: {error}");
            metas[meta!.BlockId] = meta;
        }

        foreach (var (id, isLocal) in unknown)
        {
            if (!metas.TryGetValue(id, out var meta)) throw new PeerException($"{part.Peer.Name} does not know its block {id} any more");
            opened.Add(Add(part.Peer, meta, isLocal));
        }

        return opened;
    }

    private bool IsOver(BlockId block)
    {
        lock (_lock) return _over.Contains(block);
    }

    private BlockHandle? Find(IPeer peer, BlockId id, bool isLocal)
    {
        lock (_lock)
        {
            if (!_handles.TryGetValue((peer.Name, id, isLocal), out var entry)) return null;
            entry.UsedAt = time.GetTimestamp();
            return entry.Handle;
        }
    }

    private BlockHandle Add(IPeer peer, BlockMeta meta, bool isLocal)
    {
        lock (_lock)
        {
            foreach (var (key, old) in _handles.Where(entry => time.GetElapsedTime(entry.Value.UsedAt) > Unused).ToList())
            {
                old.Handle.Close();
                _handles.Remove(key);
            }

            if (_handles.TryGetValue((peer.Name, meta.BlockId, isLocal), out var entry)) return entry.Handle;
            entry = new Entry(new BlockHandle(meta, isLocal ? StoreOf(peer) : shared)) { UsedAt = time.GetTimestamp() };
            _handles.Add((peer.Name, meta.BlockId, isLocal), entry);
            return entry.Handle;
        }
    }

    // A node that came back is another peer of the same name.
    private BlockStore StoreOf(IPeer peer)
    {
        if (_stores.TryGetValue(peer.Name, out var known) && known.Peer == peer) return known.Store;
        // It is only read from: nothing is ever built in the folder.
        var store = new BlockStore(new PeerObjects(peer, sharedObjects), workFolder, options, shared.Health);
        _stores[peer.Name] = (peer, store);
        return store;
    }

    private sealed class Entry(BlockHandle handle)
    {
        public BlockHandle Handle { get; } = handle;

        public long UsedAt { get; set; }
    }
}
