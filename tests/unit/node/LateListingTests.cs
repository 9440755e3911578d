using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>
/// What a node knows of a store whose listings are late, each name on its own, while others compact: whatever was in it stays readable, and
/// a block that is over is not compacted again. Where listings are of now it costs no more than before.
/// </summary>
public sealed class LateListingTests : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(20);
    private readonly BlockFolder _folder = BlockFolder.Create();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly NodeState _state = new(new NodeOptions(), TimeProvider.System);
    private LateStore _store = null!;

    public LateListingTests() => _state.Update(static _ => new NodeView([], []) { UnknownBlocks = "not asked" });

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_block_that_is_over_is_read_until_a_listing_must_show_what_it_became()
    {
        using var list = await OpenAsync(Delay);
        var before = await WriteAsync();
        await ListAsync(list, Poll);
        Assert.Equal([before.BlockId], Blocks);
        var after = await WriteAsync();
        Over(before);
        _store.Hidden.Add($"{after.BlockId}");
        for (var second = 0; second < 20; second++) // the first one that shows it ends here, at 0
        {
            await ListAsync(list, TimeSpan.FromSeconds(1));
            Assert.Empty(Blocks);
            Assert.Equal([before.BlockId], Readable);
        }

        _store.Hidden.Clear();
        await ListAsync(list, TimeSpan.FromSeconds(1));
        Assert.Equal([after.BlockId], Readable);
    }

    [Fact]
    public async Task The_delay_is_counted_to_the_begin_of_a_listing()
    {
        using var list = await OpenAsync(Delay);
        var uploaded = await WriteAsync();
        await ListAsync(list, TimeSpan.FromSeconds(1));
        _store.Hidden.Add($"{uploaded.BlockId}");
        await ListAsync(list, TimeSpan.FromSeconds(1));
        _store.OnEnd = () => _time.Advance(Delay);
        await ListAsync(list, TimeSpan.FromSeconds(1)); // begins three seconds after the upload
        Assert.Equal([uploaded.BlockId], Blocks);
        var (over, after) = (uploaded, await WriteAsync());
        _store.Hidden.Add($"{after.BlockId}");
        Over(over);
        _store.Hidden.Remove($"{over.BlockId}");
        await ListAsync(list, TimeSpan.FromSeconds(1));
        await ListAsync(list, TimeSpan.FromSeconds(1)); // ends long after the one that showed it began
        Assert.Equal([over.BlockId], Readable);
    }

    /// <summary>
    /// A block that was made and compacted by others between two polls stands for what it became until that must be listed.
    /// </summary>
    [Fact]
    public async Task Blocks_may_come_and_go_all_the_time()
    {
        using var list = await OpenAsync(Delay);
        var first = await WriteAsync();
        await ListAsync(list, Poll);
        Over(first);
        for (var i = 0; i < 20; i++)
        {
            var (between, after) = (await WriteAsync(), await WriteAsync());
            Over(between);
            _store.Hidden.Add($"{after.BlockId}");
            var asked = _store.Listings;
            await ListAsync(list, Poll);
            Assert.Equal(1, _store.Listings - asked);
            Assert.Contains(between.BlockId, _state.View.Former.Select(static block => block.Meta.BlockId));
            Assert.DoesNotContain(between.BlockId, Blocks);
            _store.Hidden.Clear();
            await ListAsync(list, Delay);
            Assert.Contains(after.BlockId, Blocks);
            Assert.Empty(_state.View.Former);
            Assert.True(list.IsSince(_time.GetTimestamp() - Delay.Ticks));
        }

        Assert.Equal(20, Blocks.Count());
    }

    /// <summary>
    /// What the node's former life, or another node, wrote shortly before may be in no listing yet, and nobody tells of it.
    /// </summary>
    [Fact]
    public async Task Answers_are_partial_until_a_listing_has_all_that_was_there_at_the_start()
    {
        using var list = await OpenAsync(Delay, isStarted: false);
        var (before, after) = (await WriteAsync(), await WriteAsync());
        Over(before);
        _store.Hidden.Add($"{before.BlockId}");
        _store.Hidden.Add($"{after.BlockId}");
        await list.PollAsync(default);
        Assert.Empty(Readable);
        Assert.Contains("late", _state.View.SourcesOf(TenantSet.Single).BlockDamage, StringComparison.Ordinal);
        _time.Advance(Delay / 2);
        await list.PollAsync(default);
        Assert.Equal(1, _store.Listings);
        _store.Hidden.Clear();
        _time.Advance(Delay / 2);
        await list.PollAsync(default); // it does not wait for the time of the next one
        Assert.Equal([after.BlockId], Blocks);
        Assert.Empty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);
        Assert.Equal(2, _store.Listings);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public async Task Queries_that_wait_share_one_listing(int delaySeconds)
    {
        using var list = await OpenAsync(TimeSpan.FromSeconds(delaySeconds));
        await WriteAsync();
        _time.Advance(TimeSpan.FromMinutes(1));
        var (now, asked) = (_time.GetTimestamp(), _store.Listings);
        _store.Gate = new TaskCompletionSource();
        var queries = Enumerable.Range(0, 100).Select(_ => list.EnsureAsync(now, default)).ToArray();
        _store.Gate.SetResult();
        await Task.WhenAll(queries);
        Assert.Equal(1, _store.Listings - asked);

        // And where the service does not answer, its error.
        _time.Advance(TimeSpan.FromMinutes(1));
        _store.Gate = new TaskCompletionSource();
        queries = [.. Enumerable.Range(0, 100).Select(_ => list.EnsureAsync(_time.GetTimestamp(), default))];
        _store.Gate.SetException(new ObjectStoreException(ObjectStoreError.Failed, ObjectKey.Root, "down"));
        Assert.DoesNotContain(true, await Task.WhenAll(queries));
        Assert.Equal(2, _store.Listings - asked);
    }

    [Fact]
    public async Task Late_listings_are_asked_for_once_a_second_at_the_most()
    {
        using var list = await OpenAsync(Delay);
        var asked = _store.Listings;
        for (var i = 0; i < 30; i++) await ListAsync(list, TimeSpan.FromSeconds(0.1));
        Assert.InRange(_store.Listings - asked, 2, 4);
    }

    /// <summary>A node tells of a block for so long, and the listing was of a time before it began.</summary>
    [Fact]
    public async Task A_list_counts_for_less_long_than_nodes_tell_of_their_blocks_by_the_delay()
    {
        using var list = await OpenAsync(Delay);
        _time.Advance(RecentBlocks.Kept - TimeSpan.FromMinutes(1) - Delay - TimeSpan.FromSeconds(1));
        Assert.True(list.IsSince(0));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(list.IsSince(0));
    }

    /// <summary>A store that lists what is there: another listing instead of reads, and nothing is read twice longer than that.</summary>
    [Fact]
    public async Task Where_listings_are_of_now_blocks_that_are_over_are_not_read()
    {
        using var list = await OpenAsync(TimeSpan.Zero, isStarted: false);
        var (gone, there) = (await WriteAsync(), await WriteAsync());
        Over(gone);
        await list.PollAsync(default);
        Assert.Equal([there.BlockId], Readable);
        Assert.Empty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);
        Assert.Equal((2, 0), (_store.Listings, _store.OverReads));
        var after = await WriteAsync();
        _store.Hidden.Add($"{after.BlockId}"); // it was written where the listing had been
        _store.OnEnd = _store.Hidden.Clear;
        Over(there);
        await ListAsync(list, TimeSpan.FromSeconds(1));
        Assert.Equal([after.BlockId], Readable);
        Assert.Equal((4, 0), (_store.Listings, _store.OverReads));
    }

    /// <summary>A node that was told of a block by another one need not open it beside the one that it was compacted into.</summary>
    [Fact]
    public async Task What_a_block_became_covers_it_once_a_listing_must_show_that()
    {
        using var list = await OpenAsync(Delay);
        var (told, own) = (await WriteAsync(), await WriteAsync());
        Over(told);
        Assert.DoesNotContain(told.BlockId, _state.BlocksCovered());
        await ListAsync(list, Poll);
        await ListAsync(list, Poll);
        Assert.Equal([own.BlockId], Readable);
        Assert.Contains(told.BlockId, _state.BlocksCovered());
        _state.TakeOut([own.BlockId], static view => view with { Blocks = [] });
        Assert.Contains(own.BlockId, _state.BlocksCovered());
    }

    /// <summary>Without an index the tenant's new blocks are not known, so what a block became is not in the view.</summary>
    [Fact]
    public async Task A_block_that_is_over_stays_where_a_listing_does_not_show_new_blocks_of_its_tenant()
    {
        using var list = await OpenAsync(TimeSpan.Zero);
        var block = await WriteAsync();
        await ListAsync(list, Poll);
        using var blind = new Blocklist(
            new NodeOptions { TenantIndexBuilders = 0, TenantIndexFallback = false, Remote = new RemoteStorage { BlocklistPoll = Poll } },
            _state, _folder.OpenStore(_store), new DeletedTracesStore(_store), new MetricRegistry(), Log.Null, _time);
        await WriteAsync();
        Over(block);
        var asked = _store.Listings;
        for (var i = 0; i < 3; i++) await ListAsync(blind, Poll);
        Assert.Equal([block.BlockId], Readable);
        Assert.Empty(_state.View.Replaced);
        Assert.Equal(3, _store.Listings - asked);
    }

    /// <summary>What this node compacted itself is no news.</summary>
    [Fact]
    public async Task Own_compaction_costs_no_further_listing()
    {
        using var list = await OpenAsync(TimeSpan.Zero);
        var (before, after) = (await WriteAsync(), await WriteAsync());
        await ListAsync(list, Poll);
        _state.TakeOut(
            [before.BlockId], view => view with { Blocks = [.. view.Blocks.Where(block => block.Meta.BlockId != before.BlockId)] });
        Over(before);
        var asked = _store.Listings;
        await ListAsync(list, Poll);
        Assert.Equal(1, _store.Listings - asked);
        Assert.Equal([after.BlockId], Readable);
    }

    [Fact]
    public async Task What_nobody_can_read_of_a_block_that_is_over_makes_answers_partial_until_it_is_replaced()
    {
        using var list = await OpenAsync(Delay);
        var block = await WriteAsync();
        Over(block);
        await File.WriteAllTextAsync(_folder.PathOf(block.BlockId, "meta.compacted.json"), "{}", TestContext.Current.CancellationToken);
        await ListAsync(list, Poll);
        Assert.NotEmpty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);
        await ListAsync(list, Delay);
        Assert.Empty(_state.View.SourcesOf(TenantSet.Single).BlockDamage);
    }

    private IEnumerable<BlockId> Blocks => _state.View.Blocks.Select(static block => block.Meta.BlockId).Order();

    private IEnumerable<BlockId> Readable => _state.View.Readable.Select(static block => block.Meta.BlockId).Order();

    private async Task<Blocklist> OpenAsync(TimeSpan delay, bool isStarted = true)
    {
        _store = new LateStore(_folder.OpenObjects());
        var options = new NodeOptions { Remote = new RemoteStorage { BlocklistPoll = Poll, ListingDelay = delay } };
        var list = new Blocklist(
            options, _state, _folder.OpenStore(_store), new DeletedTracesStore(_store), new MetricRegistry(), Log.Null, _time);
        if (!isStarted) return list;
        _time.Advance(Delay);
        await list.PollAsync(default);
        Assert.Empty(_state.View.UnknownBlocks);
        return list;
    }

    private async Task ListAsync(Blocklist list, TimeSpan later)
    {
        _time.Advance(later);
        await list.EnsureAsync(_time.GetTimestamp(), default);
    }

    private void Over(BlockMeta block) =>
        File.Move(_folder.PathOf(block.BlockId, "meta.json"), _folder.PathOf(block.BlockId, "meta.compacted.json"));

    private Task<BlockMeta> WriteAsync() => _folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 3));

    /// <summary>A store that lists names later than they are there.</summary>
    private sealed class LateStore(IObjectStore inner) : PassThroughStore(inner)
    {
        private readonly IObjectStore _inner = inner;

        /// <summary>Parts of the names that are not listed yet.</summary>
        public HashSet<string> Hidden { get; } = [];

        public Action OnEnd { get; set; } = static () => { };

        public int Listings { get; private set; }

        public int OverReads { get; private set; }

        /// <summary>Listings wait for it.</summary>
        public TaskCompletionSource? Gate { get; set; }

        public override ILocalObjects? LocalObjects => null;

        public override ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
        {
            if (key.LastPart == "meta.compacted.json") OverReads++;
            return base.TryGetAsync(key, maxSizeBytes, cancellation);
        }

        public override async IAsyncEnumerable<ObjectEntry> ListAsync(
            ObjectKey folder, ListScope scope, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            Listings++;
            if (Gate is { } gate) await gate.Task;
            await foreach (var entry in _inner.ListAsync(folder, scope, cancellation))
                if (!Hidden.Any(hidden => entry.Key.ToString()!.Contains(hidden, StringComparison.Ordinal))) yield return entry;
            OnEnd();
        }
    }
}
