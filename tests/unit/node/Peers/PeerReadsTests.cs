using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Blocks;
using Tempo.Engine.Node.Peers.Queries;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Testing;

namespace Tempo.Node.Tests.Peers;

/// <summary>
/// What a query has once all that other nodes are asked for has come or failed, and what it says of them: one that failed late has failed.
/// </summary>
public sealed class PeerReadsTests : IDisposable
{
    private readonly BlockFolder _folder = BlockFolder.Create();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly Asker _asker = new();
    private readonly LiveNodes _nodes = new();
    private readonly LiveNode _b = new("b"), _c = new("c"), _d = new("d");
    private readonly Blocklist _blocklist;
    private readonly PeerBlocks _blocks;
    private readonly PeerReads _reads;

    public PeerReadsTests()
    {
        var objects = _folder.OpenObjects();
        var store = _folder.OpenStore(objects);
        _blocklist = new Blocklist(new NodeOptions { Remote = new RemoteStorage() }, _asker.Node.State, store,
            new DeletedTracesStore(objects), new MetricRegistry(), Log.Null, _time);
        _blocks = new PeerBlocks(objects, store, Path.Combine(_folder.Root, "peers"), new BlockStoreOptions(), _time);
        _reads = new PeerReads(_nodes, _asker.Node.State, _blocklist, _blocks, _asker.Mirrors, _time);
        for (ulong span = 1; span <= 10; span++)
        {
            _b.Append(span);
            _c.Append(span);
        }
    }

    public void Dispose()
    {
        _blocks.Dispose();
        _blocklist.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Others_do_not_rely_on_one_whose_blocks_cannot_be_opened_until_they_can()
    {
        Assert.Empty((await CollectAsync(_b)).Damage); // claims all
        _b.Vanishing = new BlockId(new Guid("00000000-0000-0000-0000-000000000007"));
        var sources = await CollectAsync(_b, _d);
        Assert.Contains("b alone", sources.Damage, StringComparison.Ordinal);
        Assert.Contains($"{_b.Vanishing}", sources.Damage, StringComparison.Ordinal);
        Assert.Equal(10, CountOf(sources)); // better than none
        Assert.Equal((true, false), (await IsGivenUpAsync(_b), await IsGivenUpAsync(_d)));

        _b.Vanishing = null;
        Assert.Empty((await CollectAsync(_b, _d)).Damage);
        Assert.False(await IsGivenUpAsync(_b));
    }

    [Fact]
    public async Task What_others_left_out_because_of_one_whose_blocks_cannot_be_opened_comes_from_them()
    {
        Assert.Empty((await CollectAsync(_b)).Damage);
        _b.Vanishing = new BlockId(new Guid("00000000-0000-0000-0000-000000000007"));
        Assert.Equal(20, CountOf(await CollectAsync(_b, _c)));
    }

    [Fact]
    public async Task Others_do_not_rely_on_one_that_fails_when_it_is_asked_once_more_until_it_answers()
    {
        await CollectAsync(_b);
        _b.IsDown = true;
        _c.Asked = static question =>
        {
            if (question.Wanted.Count > 0) throw new PeerException("c has no time");
        };
        var sources = await CollectAsync(_b, _c);
        Assert.Equal("spans that are on b, c alone are missing: c has no time", sources.Damage);
        Assert.Empty(sources.Live);
        (_b.IsDown, _c.Asked) = (false, null);
        Assert.Equal((true, true), (await IsGivenUpAsync(_b), await IsGivenUpAsync(_c)));

        Assert.Empty((await CollectAsync(_b, _c)).Damage);
        Assert.Equal((false, false), (await IsGivenUpAsync(_b), await IsGivenUpAsync(_c)));
    }

    private Task<AddedSources> CollectAsync(params IPeer[] holders)
    {
        _nodes.Holders = holders;
        return _reads.CollectAsync(TenantSet.Single, trace: null, default).WaitAsync(Asker.Hang);
    }

    private static int CountOf(AddedSources sources) => sources.Live.Sum(static view => view.SpanCount);

    private async Task<bool> IsGivenUpAsync(IPeer peer) => (await _asker.Refresh(peer)[0].WaitAsync(Asker.Hang)).Source!.IsGivenUp;
}
