using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>What a node knows of a store into which others write.</summary>
public sealed class BlocklistTests : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMinutes(5);
    private readonly BlockFolder _folder = BlockFolder.Create();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly NodeState _state = new(new NodeOptions(), TimeProvider.System);
    private readonly MetricRegistry _metrics = new();

    public BlocklistTests() => _state.Update(static _ => new NodeView([], []));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Blocks_come_and_go_with_the_store()
    {
        var (list, _) = Open(new NodeOptions());
        var first = await WriteAsync();
        await PollAsync(list);
        Assert.Equal([first.BlockId], Blocks);
        var second = await WriteAsync();
        await list.PollAsync(default);
        Assert.Equal([first.BlockId], Blocks); // it is not time
        File.Move(_folder.PathOf(first.BlockId, "meta.json"), _folder.PathOf(first.BlockId, "meta.compacted.json"));
        await PollAsync(list);
        Assert.Equal([second.BlockId], Blocks);
    }

    [Fact]
    public async Task A_meta_that_cannot_be_read_makes_answers_partial_until_it_can()
    {
        var (list, _) = Open(new NodeOptions());
        var block = await WriteAsync();
        var path = _folder.PathOf(block.BlockId, "meta.json");
        var sound = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            path, sound.Replace("totalObjects", "totalobjects", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await PollAsync(list);
        Assert.Empty(Blocks);
        Assert.Contains("could not be read", _state.View.SourcesOf(TenantSet.Single).BlockDamage, StringComparison.Ordinal);
        await PollAsync(list);
        Assert.Single(_state.View.Unreadable);
        await File.WriteAllTextAsync(path, sound, TestContext.Current.CancellationToken);
        await PollAsync(list);
        Assert.Equal([block.BlockId], Blocks);
        Assert.Empty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);
    }

    /// <summary>
    /// One meta.json that its owner lets nobody read, that is far too long, or that lies on a bad sector of a local disk, costs its block.
    /// A service that does not hand one out is in trouble: what was known before holds.
    /// </summary>
    [Theory]
    [InlineData(ObjectStoreError.AccessDenied, false, true)]
    [InlineData(ObjectStoreError.TooLarge, false, true)]
    [InlineData(ObjectStoreError.Failed, true, true)]
    [InlineData(ObjectStoreError.Failed, false, false)]
    public async Task One_meta_that_is_not_handed_out_costs_its_block_alone(ObjectStoreError error, bool isLocal, bool isOfBlock)
    {
        var (sound, other) = (await WriteAsync(), await WriteAsync());
        var store = new RefusingStore(_folder.OpenObjects(), $"{other.BlockId}/meta.json", error, isLocal);
        var (list, _) = Open(new NodeOptions(), store);
        await PollAsync(list);
        Assert.Equal(isOfBlock ? [sound.BlockId] : [], Blocks);
        Assert.Equal(isOfBlock ? [other.BlockId] : [], _state.View.Unreadable.Select(static block => block.Block));
    }

    /// <summary>
    /// It may be handed out again later: the block is not damaged, and merges take it then. Where all are refused, none is alone.
    /// </summary>
    [Fact]
    public async Task A_meta_that_was_refused_says_nothing_about_its_block()
    {
        var (refused, torn) = (await WriteAsync(), await WriteAsync());
        await WriteAsync();
        await File.WriteAllTextAsync(
            Path.Combine(_folder.TenantPath, $"{torn.BlockId}", "meta.json"), "{", TestContext.Current.CancellationToken);
        var store = _folder.OpenStore(
            new RefusingStore(_folder.OpenObjects(), $"{refused.BlockId}/meta.json", ObjectStoreError.AccessDenied, isLocal: false));
        var listing = await store.ListAllAsync(default);
        Assert.Single(listing.Blocks);
        Assert.Equal(2, listing.Unreadable.Count);
        Assert.False(store.Health.IsDamaged(refused.BlockId));
        Assert.True(store.Health.IsDamaged(torn.BlockId));

        store = _folder.OpenStore(new RefusingStore(_folder.OpenObjects(), "/meta.json", ObjectStoreError.AccessDenied, isLocal: false));
        await Assert.ThrowsAsync<ObjectStoreException>(() => store.ListAllAsync(default));
    }

    /// <summary>
    /// A node that starts while the service is down knows nothing of what is there: nobody is to take its answers for whole.
    /// </summary>
    [Fact]
    public async Task Until_the_list_was_read_once_all_answers_are_partial()
    {
        var service = new CrashingStore(_folder.OpenObjects(), afterTheWork: false);
        service.CrashAt(1);
        var (list, _) = Open(new NodeOptions(), service);
        var block = await WriteAsync();
        await list.PollAsync(default);
        Assert.Empty(Blocks);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        Assert.All([TenantId.Single, other], tenant =>
            Assert.Contains("the process is gone", _state.View.SourcesOf(tenant).BlockDamage, StringComparison.Ordinal));

        service.CrashAt(int.MaxValue);
        await list.PollAsync(default); // no need to wait: none has succeeded
        Assert.Equal([block.BlockId], Blocks);
        Assert.Empty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);

        service.CrashAt(1); // an old list is one
        await PollAsync(list);
        Assert.Equal([block.BlockId], Blocks);
        Assert.Empty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);
    }

    [Fact]
    public async Task Deleted_traces_are_read_when_they_have_changed_and_only_then()
    {
        var (list, objects) = Open(new NodeOptions());
        var other = new DeletedTracesStore(_folder.OpenObjects());
        await WriteAsync();
        await other.ChangeAsync(TenantId.Single, _ => DeletedTraces.None.With([new TraceId(1, 1)], _time.GetUtcNow())!, default);
        await PollAsync(list);
        Assert.True(_state.View.DeletedOf(TenantId.Single).Contains(new TraceId(1, 1)));
        var read = objects.ReadCount;
        await PollAsync(list);
        Assert.Equal(read, objects.ReadCount);
        await other.ChangeAsync(
            TenantId.Single, _ => DeletedTraces.None.With([new TraceId(2, 2), new TraceId(3, 3)], _time.GetUtcNow())!, default);
        await PollAsync(list);
        Assert.Equal(read + 1, objects.ReadCount);
        Assert.Equal([new TraceId(1, 1), new TraceId(2, 2), new TraceId(3, 3)], _state.View.DeletedOf(TenantId.Single).Ids.Order());
    }

    /// <summary>One tenant's broken list is that tenant's: what is withheld or partial is nobody else's, and the poll goes on.</summary>
    [Fact]
    public async Task A_list_of_deleted_traces_that_cannot_be_read_costs_its_tenant_alone()
    {
        var (list, _) = Open(new NodeOptions());
        Assert.True(TenantId.TryParse("other", out var other, out _));
        var store = new DeletedTracesStore(_folder.OpenObjects());
        await store.ChangeAsync(other, _ => DeletedTraces.None.With([new TraceId(2, 2)], _time.GetUtcNow())!, default);
        await WriteAsync();
        var path = Path.Combine(_folder.TenantPath, "deleted-traces.json");
        await File.WriteAllTextAsync(path, "{", TestContext.Current.CancellationToken);
        await PollAsync(list);
        Assert.Single(Blocks);
        var sources = _state.View.SourcesOf(TenantId.Single);
        Assert.Contains("deleted traces could not be read", sources.Damage, StringComparison.Ordinal);
        Assert.Empty(sources.Blocks); // which of its traces were deleted is not known
        var batch = new LiveBatch();
        var fromPeers = new AddedSources([batch.View()], [], "");
        Assert.Empty(_state.View.SourcesOf(TenantId.Single, fromPeers).Live);
        Assert.Single(_state.View.SourcesOf(other, fromPeers).Live);
        Assert.Empty(_state.View.SourcesOf(other).Damage);
        Assert.True(_state.View.DeletedOf(other).Contains(new TraceId(2, 2)));

        // A deletion does not write over what it cannot read.
        var deletion = new TraceDeletion(new NodeOptions(), store, _state, _time);
        await Assert.ThrowsAsync<ObjectStoreException>(() => deletion.DeleteAsync(TenantId.Single, [new TraceId(5, 5)], default));
        Assert.Equal("{", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));

        File.Delete(path);
        await store.ChangeAsync(TenantId.Single, _ => DeletedTraces.None.With([new TraceId(1, 1)], _time.GetUtcNow())!, default);
        await PollAsync(list);
        sources = _state.View.SourcesOf(TenantId.Single);
        Assert.Empty(sources.Damage);
        Assert.Single(sources.Blocks);

        // Known once, it stays in force.
        await File.WriteAllTextAsync(path, "{]", TestContext.Current.CancellationToken);
        await PollAsync(list);
        sources = _state.View.SourcesOf(TenantId.Single);
        Assert.NotEmpty(sources.Damage);
        Assert.Single(sources.Blocks);
        Assert.Contains(new TraceId(1, 1), sources.Hidden);
    }

    /// <summary>
    /// What the owner of a tenant forgot is forgotten here, too, at the next poll; what this node has just deleted is not.
    /// </summary>
    [Fact]
    public async Task Deleted_traces_that_are_stored_no_more_are_forgotten()
    {
        var (list, _) = Open(new NodeOptions());
        var store = new DeletedTracesStore(_folder.OpenObjects());
        await WriteAsync();
        await store.ChangeAsync(TenantId.Single, _ => DeletedTraces.None.With([new TraceId(1, 1)], _time.GetUtcNow())!, default);
        await PollAsync(list);
        _time.Advance(TimeSpan.FromHours(2));
        var young = DeletedTraces.None.With([new TraceId(2, 2)], _time.GetUtcNow())!;
        _state.Update(view => view with { Deleted = view.Deleted.SetItem(TenantId.Single, view.DeletedOf(TenantId.Single).With(young)!) });
        await store.ChangeAsync(TenantId.Single, static _ => DeletedTraces.None, default);
        await PollAsync(list);
        Assert.Equal([new TraceId(2, 2)], _state.View.DeletedOf(TenantId.Single).Ids);
    }

    /// <summary>Before the first poll nothing is known of what others deleted: it is read before it is written.</summary>
    [Fact]
    public async Task A_deletion_before_the_first_poll_keeps_what_is_stored()
    {
        var store = new DeletedTracesStore(_folder.OpenObjects());
        await store.ChangeAsync(TenantId.Single, _ => DeletedTraces.None.With([new TraceId(1, 1)], _time.GetUtcNow())!, default);
        await new TraceDeletion(new NodeOptions(), store, _state, _time).DeleteAsync(TenantId.Single, [new TraceId(2, 2)], default);
        Assert.Equal([new TraceId(1, 1), new TraceId(2, 2)], (await store.LoadAsync(TenantId.Single, default)).Ids.Order());
    }

    /// <summary>
    /// Another node compacted what this one reads, and deleted it: the query begins anew, with the block that holds the spans now. The
    /// first listing leaves the block that is over in the view, the second one does not.
    /// </summary>
    [Fact]
    public async Task A_query_whose_block_vanishes_begins_anew_with_what_became_of_it()
    {
        var (list, _) = Open(new NodeOptions(), new FarStore(_folder.OpenObjects()));
        var before = await WriteAsync();
        await PollAsync(list);
        Directory.Delete(_folder.PathOf(before.BlockId), recursive: true);
        var runner = new QueryRunner(new QueryGate(1, 1), _state, new Listing(list, _time));
        async Task<SearchResult> SearchAsync(int limit)
        {
            var seen = new List<BlockId>();
            var found = await runner.RunAsync(TenantSet.Single, (sources, _) =>
            {
                seen.AddRange(sources.Blocks.Select(static block => block.Meta.BlockId));
                return TraceSearch.RunAsync(new SearchRequest { Query = "{ }", Limit = limit, SpansPerSpanSet = 3 }, sources, default);
            }, default);
            Assert.InRange(seen.Count, 1, 1 + QueryRunner.MaxBeginnings);
            return found;
        }

        var after = await WriteAsync();
        var whole = await SearchAsync(100);
        Assert.Empty(whole.Message);
        Assert.NotEmpty(whole.Traces);
        Assert.Equal([after.BlockId], Blocks);

        // One that comes back with each listing cannot be waited for: the answer says so.
        Directory.Delete(_folder.PathOf(after.BlockId), recursive: true);
        var still = new BlockHandle(after, _folder.OpenStore(new FarStore(_folder.OpenObjects())));
        _state.Update(view => view with { Blocks = [still] });
        runner = new QueryRunner(new QueryGate(1, 1), _state, new Stubborn(() => _state.Update(view => view with { Blocks = [still] })));
        Assert.Contains("was deleted while it was read", (await SearchAsync(100)).Message, StringComparison.Ordinal);
    }

    private sealed class FarStore(IObjectStore inner) : PassThroughStore(inner)
    {
        public override ILocalObjects? LocalObjects => null;
    }

    private sealed class Listing(Blocklist list, ManualTime time) : ICollectsSources
    {
        public ValueTask<AddedSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation) =>
            new(AddedSources.None);

        public async Task ListAsync(TenantSet tenants, CancellationToken cancellation)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.True(await list.EnsureAsync(time.GetTimestamp(), cancellation));
        }
    }

    private sealed class Stubborn(Action list) : ICollectsSources
    {
        public ValueTask<AddedSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation) =>
            new(AddedSources.None);

        public Task ListAsync(TenantSet tenants, CancellationToken cancellation)
        {
            list();
            return Task.CompletedTask;
        }
    }

    /// <summary>A node that builds no index reads that of others: metas from it, and one by one only where it may and must.</summary>
    [Theory]
    [InlineData(false, 0, true, 0)] // an index in time
    [InlineData(false, 60, true, 3)] // too old: read one by one
    [InlineData(false, 60, false, -1)] // too old, and no fallback: nothing is known
    [InlineData(true, 0, true, 3)] // none
    [InlineData(true, 0, false, -1)]
    public async Task The_index_is_used_as_the_keys_say(bool isMissing, int ageMinutes, bool fallsBack, int metasRead)
    {
        var metas = new List<BlockMeta> { await WriteAsync(), await WriteAsync(), await WriteAsync() };
        if (!isMissing)
        {
            var index = new TenantIndex(_time.GetUtcNow() - TimeSpan.FromMinutes(ageMinutes), metas, []);
            await new TenantIndexObjects(_folder.OpenObjects()).WriteAsync(TenantId.Single, index, default);
        }

        var (list, objects) =
            Open(new NodeOptions { TenantIndexBuilders = 0, StaleTenantIndex = TimeSpan.FromMinutes(30), TenantIndexFallback = fallsBack });
        await PollAsync(list);
        Assert.Equal(metasRead < 0 ? [] : metas.Select(static meta => meta.BlockId).Order(), Blocks);
        Assert.Equal(Math.Max(0, metasRead), objects.MetaCount);
        Assert.Equal(metasRead < 0, _state.View.SourcesOf(TenantSet.Single).BlockDamage.Contains(
            "blocklist_poll_fallback is off", StringComparison.Ordinal));
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        _metrics.WriteTo(text);
        Assert.Equal(metasRead < 0, System.Text.Encoding.UTF8.GetString(text.WrittenSpan)
            .Contains("tempodb_blocklist_tenant_index_read_errors_total{", StringComparison.Ordinal));
    }

    private IEnumerable<BlockId> Blocks => _state.View.Blocks.Select(static block => block.Meta.BlockId).Order();

    private (Blocklist List, CountingStore Objects) Open(NodeOptions options, IObjectStore? service = null)
    {
        var objects = new CountingStore(service ?? _folder.OpenObjects());
        options = options with { Remote = new RemoteStorage { BlocklistPoll = Poll } };
        return (new Blocklist(options, _state, _folder.OpenStore(objects), new DeletedTracesStore(objects), _metrics, Log.Null, _time),
            objects);
    }

    private Task PollAsync(Blocklist list)
    {
        _time.Advance(Poll);
        return list.PollAsync(default);
    }

    private Task<BlockMeta> WriteAsync() => _folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 3));

    private sealed class RefusingStore(IObjectStore inner, string end, ObjectStoreError error, bool isLocal) : PassThroughStore(inner)
    {
        public override ILocalObjects? LocalObjects => isLocal ? base.LocalObjects : null;

        public override ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default) =>
            key.ToString().EndsWith(end, StringComparison.Ordinal)
                ? throw new ObjectStoreException(error, key, "not this one")
                : base.TryGetAsync(key, maxSizeBytes, cancellation);
    }
}
