using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node.Peers.Blocks;

/// <summary>
/// The newest blocks of other nodes, open for queries until this node's own list of the store has them. Those that wait for their
/// upload are read from their node, the others from the store. Thread safe.
/// </summary>
internal sealed class PeerBlocks(
    IObjectStore sharedObjects, BlockStore shared, string workFolder, BlockStoreOptions options, TimeProvider time) : IDisposable
{
    /// <summary>A block that no query reads is closed after this.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private readonly TimeProvider _time = time;
    private readonly Dictionary<(string Peer, BlockId Block, bool IsWaiting), Entry> _handles = [];
    private readonly GoneBlocks _gone = new(shared, time);
    private readonly Dictionary<string, (IPeer Peer, BlockStore Store)> _stores = new(StringComparer.Ordinal);

    public void Dispose() => _gone.Dispose();

    /// <summary>
    /// Looks which of the tenants' blocks that peers have uploaded are not in the store any more (<see cref="GoneBlocks.LookAsync"/>).
    /// </summary>
    public Task LookForGoneAsync(TenantSet tenants, CancellationToken cancellation) => _gone.LookAsync(tenants, Uploaded, cancellation);

    /// <summary>Who goes on telling of one that is gone is not believed from then on (<see cref="GoneBlocks.NoteListing"/>).</summary>
    public void NoteListing(Func<long, bool> isListedSince) => _gone.NoteListing(isListedSince);

    /// <summary>
    /// Handles of a peer's blocks but for those that are in <paramref name="known"/>; the lease keeps them open. Throws
    /// <see cref="PeerException"/>.
    /// </summary>
    public async Task<List<BlockHandle>> OpenAsync(
        PeerPart part, IReadOnlySet<BlockId> known, Lease lease, CancellationToken cancellation)
    {
        var opened = new List<BlockHandle>();
        var unknown = new List<(BlockId Id, bool IsWaiting)>();
        foreach (var block in part.Blocks)
        {
            if (known.Contains(block.Id) || !block.IsWaiting && _gone.IsOver(block.Id)) continue;
            if (Find(part.Peer, block.Id, block.IsWaiting, lease) is { } handle) opened.Add(handle);
            else unknown.Add(block);
        }

        if (unknown.Count == 0) return opened;
        using var answer = new NativeBuffer(16 * 1024);
        await part.Peer.AskAsync(PeerQuestion.Metas, PeerMessages.EncodeMetasQuestion(unknown.Select(static block => block.Id)), answer,
            cancellation).ConfigureAwait(false);
        var metas = new Dictionary<BlockId, BlockMeta>();
        foreach (var json in PeerMessages.DecodeMetasAnswer(answer.Written))
        {
            if (!BlockMeta.TryParse(json, out var meta, out var error))
                throw new PeerException($"{part.Peer.Name} sent a meta.json that cannot be read: {error}");
            metas[meta!.BlockId] = meta;
        }

        foreach (var (id, isWaiting) in unknown)
        {
            if (!metas.TryGetValue(id, out var meta)) throw new PeerException($"{part.Peer.Name} does not know its block {id} any more");
            opened.Add(Add(part.Peer, meta, isWaiting, lease));
        }

        return opened;
    }

    private List<BlockMeta> Uploaded()
    {
        lock (_lock) return [.. _handles.Where(static entry => !entry.Key.IsWaiting).Select(static entry => entry.Value.Handle.Meta)];
    }

    private BlockHandle? Find(IPeer peer, BlockId id, bool isWaiting, Lease lease)
    {
        lock (_lock) return _handles.TryGetValue((peer.Name, id, isWaiting), out var entry) ? lease.Hold(entry) : null;
    }

    private BlockHandle Add(IPeer peer, BlockMeta meta, bool isWaiting, Lease lease)
    {
        lock (_lock)
        {
            foreach (var (key, old) in _handles.Where(
                entry => entry.Value.ReaderCount == 0 && _time.GetElapsedTime(entry.Value.ReadAt) > Unused).ToList())
            {
                old.Handle.Close();
                _handles.Remove(key);
            }

            if (_handles.TryGetValue((peer.Name, meta.BlockId, isWaiting), out var entry)) return lease.Hold(entry);
            entry = new Entry(new BlockHandle(meta, isWaiting ? StoreOf(peer) : shared));
            _handles.Add((peer.Name, meta.BlockId, isWaiting), entry);
            return lease.Hold(entry);
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

    /// <summary>Keeps open what a query was given, until it is disposed. Not thread safe.</summary>
    internal sealed class Lease(PeerBlocks blocks) : IDisposable
    {
        private readonly HashSet<Entry> _held = [];

        /// <summary>Under the lock.</summary>
        public BlockHandle Hold(Entry entry)
        {
            if (_held.Add(entry)) entry.ReaderCount++;
            return entry.Handle;
        }

        public void Dispose()
        {
            lock (blocks._lock)
                foreach (var entry in _held)
                {
                    entry.ReaderCount--;
                    entry.ReadAt = blocks._time.GetTimestamp();
                }

            _held.Clear();
        }
    }

    /// <summary>A block and its readers; guarded by the lock.</summary>
    internal sealed class Entry(BlockHandle handle)
    {
        public BlockHandle Handle { get; } = handle;

        public int ReaderCount { get; set; }

        /// <summary>When the last reader went.</summary>
        public long ReadAt { get; set; }
    }
}
