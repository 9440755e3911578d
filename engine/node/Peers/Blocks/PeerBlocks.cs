using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.Node.Peers.Queries;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node.Peers.Blocks;

/// <summary>
/// The newest blocks of other nodes, open for queries until this node's own list of the store has them. Those that wait for their
/// upload are read from their node, the others from the store. Thread safe.
/// </summary>
internal sealed class PeerBlocks(IObjectStore sharedObjects, BlockStore shared, string workFolder, BlockStoreOptions options, TimeProvider time) : IDisposable
{
    /// <summary>A block that no query asked for is closed after this; longer than any query runs.</summary>
    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(10);

    /// <summary>Metas that are asked for at once.</summary>
    private const int MaxParallelReads = 50;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Peer, BlockId Block, bool IsLocal), Entry> _handles = [];
    private readonly Dictionary<BlockId, Gone> _gone = [];
    private readonly SemaphoreSlim _looking = new(1, 1);
    private readonly Dictionary<TenantId, long> _looked = []; // when the last look began
    private readonly Dictionary<string, (IPeer Peer, BlockStore Store)> _stores = new(StringComparer.Ordinal);

    public void Dispose() => _looking.Dispose();

    /// <summary>
    /// Looks which of the tenants' blocks that peers have uploaded are not in the store any more, as far as it answers. Asks for each: for after one
    /// of them could not be read. Who waited while another one looked has what that one found.
    /// </summary>
    public async Task LookForGoneAsync(TenantSet tenants, CancellationToken cancellation)
    {
        var called = time.GetTimestamp();
        await _looking.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            TenantId[] asked = [.. tenants.Tenants.Where(tenant => !_looked.TryGetValue(tenant, out var at) || at < called)];
            if (asked.Length == 0) return;
            var now = time.GetTimestamp();
            foreach (var tenant in asked) _looked[tenant] = now;
            foreach (var some in Told(asked).Chunk(MaxParallelReads)) await LookForAsync(some, cancellation).ConfigureAwait(false);
        }
        catch (ObjectStoreException)
        {
            // The others may be there.
        }
        finally
        {
            _looking.Release();
        }
    }

    /// <summary>Once the store was listed since a block was found to be gone, who goes on telling of it is not believed.</summary>
    public void Forget(Func<long, bool> isListedSince)
    {
        lock (_lock)
        {
            foreach (var (block, gone) in _gone.ToList())
            {
                if (time.GetElapsedTime(gone.At) > RecentBlocks.Kept * 2) _gone.Remove(block); // for longer than anybody tells of a block
                else if (!gone.IsListed && isListedSince(gone.At)) _gone[block] = gone with { IsListed = true };
            }
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
        lock (_lock) return _gone.TryGetValue(block, out var gone) && gone.IsListed;
    }

    private List<BlockMeta> Told(TenantId[] tenants)
    {
        lock (_lock)
            return [.. _handles.Where(static entry => !entry.Key.IsLocal).Select(static entry => entry.Value.Handle.Meta).Where(meta => tenants.Contains(meta.Tenant) && !_gone.ContainsKey(meta.BlockId)).DistinctBy(static meta => meta.BlockId)];
    }

    private async Task LookForAsync(BlockMeta[] some, CancellationToken cancellation)
    {
        var found = await Task.WhenAll(some.Select(meta => shared.TryReadMetaAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation))).ConfigureAwait(false);
        lock (_lock)
        {
            for (var i = 0; i < some.Length; i++)
                if (found[i] is null) _gone.TryAdd(some[i].BlockId, new Gone(time.GetTimestamp(), IsListed: false));
        }
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

    // Not in the store any more; once the store was listed since, what it became is in the view.
    private readonly record struct Gone(long At, bool IsListed);
}
