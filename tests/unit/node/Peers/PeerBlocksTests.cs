using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.Node.Peers.Blocks;
using Tempo.Engine.Node.Peers.Queries;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Testing;

namespace Tempo.Node.Tests.Peers;

/// <summary>What a query asks the store when a block that a peer told of is not there any more.</summary>
public sealed class PeerBlocksTests : IDisposable
{
    private readonly BlockFolder _folder = BlockFolder.Create();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_store_is_asked_for_the_blocks_of_the_tenants_of_the_query_many_at_once_and_once_for_all_who_wait()
    {
        var metas = new List<BlockMeta>();
        for (var i = 0; i < 8; i++) metas.Add(await _folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(i * 5 + 1, i * 5 + 3)));
        var store = new WaitingStore(_folder.OpenObjects());
        using var blocks =
            new PeerBlocks(store, _folder.OpenStore(store), Path.Combine(_folder.Root, "peers"), new BlockStoreOptions(), _time);
        var part = new PeerPart(new Teller(metas), 1, [], [.. metas.Select(static meta => (meta.BlockId, false))], "");
        using var lease = new PeerBlocks.Lease(blocks);
        Assert.Equal(8, (await blocks.OpenAsync(part, new HashSet<BlockId>(), lease, default)).Count);
        Directory.Delete(_folder.PathOf(metas[3].BlockId), recursive: true);

        Assert.True(TenantId.TryParse("other", out var other, out _));
        await blocks.LookForGoneAsync(other, default);
        Assert.Equal(0, store.Asked);
        store.Gate = new TaskCompletionSource();
        var queries = Enumerable.Range(0, 20).Select(_ => blocks.LookForGoneAsync(TenantSet.Single, default)).ToArray();
        Assert.Equal(8, store.Asked); // none of them was answered
        store.Gate.SetResult();
        await Task.WhenAll(queries);
        Assert.Equal(8, store.Asked);

        // It is believed until the store was listed since.
        Assert.Equal(8, (await blocks.OpenAsync(part, new HashSet<BlockId>(), lease, default)).Count);
        blocks.NoteListing(static _ => true);
        Assert.Equal(metas.Where(meta => meta != metas[3]).Select(static meta => meta.BlockId),
            (await blocks.OpenAsync(part, new HashSet<BlockId>(), lease, default)).Select(static block => block.Meta.BlockId));

        // And another block of this name, after so long, would be another one.
        _time.Advance(RecentBlocks.Kept * 2 + TimeSpan.FromSeconds(1));
        blocks.NoteListing(static _ => true);
        Assert.Equal(8, (await blocks.OpenAsync(part, new HashSet<BlockId>(), lease, default)).Count);
    }

    [Fact]
    public async Task A_block_is_closed_when_nobody_has_read_it_for_some_time_and_not_while_somebody_does()
    {
        var metas = new List<BlockMeta>();
        for (var i = 0; i < 4; i++) metas.Add(await _folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(i * 5 + 1, i * 5 + 3)));
        var objects = _folder.OpenObjects();
        using var blocks =
            new PeerBlocks(objects, _folder.OpenStore(objects), Path.Combine(_folder.Root, "peers"), new BlockStoreOptions(), _time);
        using var slow = new PeerBlocks.Lease(blocks);
        var block = await OpenAsync(0, slow);
        _time.Advance(TimeSpan.FromHours(1));
        await NextAsync(1);
        Assert.False(block.IsClosed);

        // Another one that reads it, too, goes first; and who comes before it is closed finds it open.
        using (var quick = new PeerBlocks.Lease(blocks)) Assert.Same(block, await OpenAsync(0, quick));
        _time.Advance(TimeSpan.FromHours(1));
        await NextAsync(2);
        Assert.False(block.IsClosed);
        slow.Dispose();
        await NextAsync(3);
        Assert.False(block.IsClosed);
        _time.Advance(TimeSpan.FromHours(1));
        await NextAsync(1);
        Assert.True(block.IsClosed);

        async Task<BlockHandle> OpenAsync(int number, PeerBlocks.Lease lease)
        {
            var part = new PeerPart(new Teller([metas[number]]), 1, [], [(metas[number].BlockId, false)], "");
            return Assert.Single(await blocks.OpenAsync(part, new HashSet<BlockId>(), lease, default));
        }

        async Task NextAsync(int number)
        {
            using var lease = new PeerBlocks.Lease(blocks);
            await OpenAsync(number, lease);
        }
    }

    private sealed class WaitingStore(IObjectStore inner) : PassThroughStore(inner)
    {
        private int _asked;

        public int Asked => _asked;

        public TaskCompletionSource? Gate { get; set; }

        public override async ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
        {
            Interlocked.Increment(ref _asked);
            if (Gate is { } gate) await gate.Task.ConfigureAwait(false);
            return await base.TryGetAsync(key, maxSizeBytes, cancellation);
        }
    }

    /// <summary>A node that knows these blocks.</summary>
    private sealed class Teller(List<BlockMeta> metas) : IPeer
    {
        public string Name => "b";

        public bool IsSuspect => false;

        public ValueTask AskAsync(PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation)
        {
            foreach (var meta in metas) PeerMessages.WriteMeta(answer, meta.ToJson());
            return default;
        }
    }
}
