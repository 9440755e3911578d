using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Tags;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>Columns of their own for attributes, chosen by a whole node.</summary>
public sealed class PromotionTests : IDisposable
{
    private const int SpansPerBlock = 12_000;
    private static readonly ulong Now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds() * 1_000_000_000;
    private readonly string _root = TestFolder.Create("tempo-promotion-");
    private ulong _next = 1;

    private NodeOptions Options => new()
    {
        WalPath = Path.Combine(_root, "wal"),
        BlocksPath = Path.Combine(_root, "blocks"),
        CompactionCycle = TimeSpan.FromHours(1),
        CompactionPatience = TimeSpan.Zero,
        CompactedBlockRetention = TimeSpan.Zero,
        // A trace a span: more than a tenant may have alive by default.
        Overrides =
            new TenantOverrides(TenantLimits.BuiltIn with { Ingestion = TenantLimits.BuiltIn.Ingestion with { MaxTracesPerUser = 0 } }),
    };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task The_second_block_has_columns_for_what_is_asked_and_what_is_large_and_a_restart_keeps_them()
    {
        await using (var node = await StartAsync(Options))
        {
            await CutAsync(node);
            Assert.Equal(["", ""], [.. ColumnsOfBlocks(), await SearchAsync(node)]);
            await CutAsync(node);
            // Without a query for it "often", which all spans have and which repeats, gets none.
            Assert.Equal(["", "route size url"], ColumnsOfBlocks());
            Assert.Equal("", await SearchAsync(node));
            var shown = node.DescribeDedicatedColumns();
            Assert.Equal(["route", "size", "url"], shown.Select(static column => column.Name));
            Assert.All(shown, static column => Assert.Equal(("single-tenant", "span"), (column.Tenant, column.Scope)));
            Assert.Contains("% of 12000 spans, named by 1 queries", shown[0].Reason, StringComparison.Ordinal);
            // 24 bytes; how many different ones there are is estimated.
            Assert.Matches(@"named by 0 queries, 2[345]\.\d bytes a span", shown[2].Reason);
        }

        await using var restarted = await StartAsync(Options);
        await CutAsync(restarted);
        Assert.Equal(["", "route size url", "route size url"], ColumnsOfBlocks());
        Assert.Equal("", await SearchAsync(restarted));
    }

    [Fact]
    public async Task What_is_asked_after_a_restart_takes_nothing_away()
    {
        await using (var node = await StartAsync(Options))
        {
            await CutAsync(node);
            await SearchAsync(node);
            await CutAsync(node);
        }

        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var restarted = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, time);
        await CutAsync(restarted);
        time.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 10; i++)
            await restarted.SearchAsync(TenantSet.Single, new SearchRequest { Query = "{ span.often = `v` }", Limit = 1 }, default);
        await CutAsync(restarted);
        Assert.Equal(["often", "route", "size", "url"], ColumnsOfBlocks()[^1].Split(' ').Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Compaction_writes_the_columns_in_use()
    {
        var options = Options with { AutoPromote = false };
        await using (var node = await StartAsync(options))
        {
            for (var i = 0; i < 2; i++) await CutAsync(node);
            Assert.Equal(["", ""], ColumnsOfBlocks());
        }

        await using var promoting = await StartAsync(Options);
        await promoting.CompactAsync(default);
        await promoting.CompactAsync(default);
        Assert.Equal(["url"], ColumnsOfBlocks());
        Assert.Equal("", await SearchAsync(promoting));
    }

    [Fact]
    public async Task The_operators_list_wins()
    {
        await using var node =
            await StartAsync(Options with { DedicatedColumns = [new DedicatedColumnOption("span", "rare", "string", [])] });
        for (var i = 0; i < 2; i++) await CutAsync(node);
        Assert.Equal(["rare", "rare"], ColumnsOfBlocks());
        Assert.Equal("the operator's list", Assert.Single(node.DescribeDedicatedColumns()).Reason);
    }

    [Fact]
    public async Task What_queries_name_is_chosen_though_it_is_rare()
    {
        await using var node = await StartAsync(Options);
        await CutAsync(node);
        // The tenant is known from its first block on.
        for (var i = 0; i < 20; i++)
            await node.SearchAsync(TenantSet.Single, new SearchRequest { Query = "{ span.rare = `x` }", Limit = 1 }, default);
        await CutAsync(node);
        Assert.Contains("rare", ColumnsOfBlocks()[1], StringComparison.Ordinal);
    }

    // The first read is for what was in use before, the second for the catalog.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_block_that_compaction_takes_out_while_it_is_looked_at_stays_open_until_then(int read)
    {
        using var folder = BlockFolder.Create();
        var meta = await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 3));
        var state = new NodeState(new NodeOptions(), TimeProvider.System);
        BlockHandle? block = null;
        var wasClosed = false;
        var store = new ToldStore(folder.OpenObjects(), number =>
        {
            if (number == read) state.Update(static _ => new NodeView([], []));
            wasClosed |= block!.IsClosed;
        });
        block = new BlockHandle(meta, folder.OpenStore(store));
        state.Update(_ => new NodeView([], [block]));
        new ColumnPromotion(new NodeOptions(), DedicatedColumns.None, state, Log.Null, TimeProvider.System).ColumnsFor(TenantId.Single);
        Assert.Equal((false, true), (wasClosed, block.IsClosed));
    }

    [Fact]
    public async Task A_tenant_is_forgotten_when_it_has_no_block_any_more()
    {
        using var folder = BlockFolder.Create();
        var meta = await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 3));
        var state = new NodeState(new NodeOptions(), TimeProvider.System);
        state.Update(_ => new NodeView([], [new BlockHandle(meta, folder.OpenStore(folder.OpenObjects()))]));
        var promotion = new ColumnPromotion(new NodeOptions(), DedicatedColumns.None, state, Log.Null, TimeProvider.System);
        promotion.ColumnsFor(TenantId.Single);
        promotion.Trim();
        Assert.Equal(1, promotion.TenantCount);
        state.Update(static _ => new NodeView([], []));
        promotion.Trim();
        Assert.Equal(0, promotion.TenantCount);
    }

    [Fact]
    public void Names_that_queries_ask_for_are_counted_and_bounded()
    {
        var asked = new AskedAttributes();
        for (var i = 0; i < 3; i++) asked.Add("{ span.a = 1 && .b > 2 && resource.c != nil } | rate() by (span.d)");
        asked.Add("no query");
        Assert.Equal([3, 3, 0, 3], new[] { "a", "b", "c", "d" }.Select(asked.CountOf));
        for (var i = 0; i < 5000; i++) asked.Add($"{{ span.x{i} = 1 || span.a = 2 }}");
        Assert.True(asked.CountOf("a") > 10);
        Assert.InRange(Enumerable.Range(0, 5000).Count(i => asked.CountOf($"x{i}") > 0), 1, 256);
    }

    private sealed class ToldStore(IObjectStore inner, Action<int> onRead) : PassThroughStore(inner)
    {
        private int _reads;

        public override ILocalObjects? LocalObjects => null;

        public override ValueTask<int> GetRangeAsync(
            ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default)
        {
            onRead(++_reads);
            return base.GetRangeAsync(key, offset, destination, cancellation);
        }
    }

    private static Task<TempoNode> StartAsync(NodeOptions options) =>
        TempoNode.StartAsync(options, new MetricRegistry(), Log.Null, TimeProvider.System);

    // A block of spans of which all have a route and an url of their own, half a size, and one in 100 a rare attribute.
    private async Task CutAsync(TempoNode node)
    {
        var spans = Enumerable.Range(0, SpansPerBlock).Select(i =>
        {
            var span = Spans.New(_next, start: Now + _next, trace: new TraceId(_next * 7919, _next++));
            span.Attributes.Add(Spans.Text("often", "v"));
            span.Attributes.Add(Spans.Text("route", $"/r{i % 7}"));
            span.Attributes.Add(Spans.Text("url", $"/a/page/with/{_next:D11}"));
            if (i % 2 == 0) span.Attributes.Add(new KeyValue { Key = "size", Value = new AnyValue { IntValue = i % 5 } });
            if (i % 100 == 0) span.Attributes.Add(Spans.Text("rare", "x"));
            return span;
        });
        using var request = new NativeBuffer();
        request.Append(Spans.Request(Spans.Of("s", "l", [.. spans])));
        var outcome = await node.IngestAsync(TenantId.Single, request);
        Assert.Equal(IngestStatus.Accepted, outcome.Status);
        await node.FlushAsync(default);
    }

    /// <summary>The names of each block's columns, the oldest block first.</summary>
    private List<string> ColumnsOfBlocks() =>
    [
        .. Directory.GetFiles(Path.Combine(_root, "blocks"), "meta.json", SearchOption.AllDirectories).OrderBy(File.GetLastWriteTimeUtc)
            .Select(static path =>
            {
                Assert.True(BlockMeta.TryParse(File.ReadAllBytes(path), out var meta, out var error), error);
                return string.Join(' ', meta!.DedicatedColumns.Specs.Select(static spec => spec.Name));
            }),
    ];

    /// <summary>Empty if search and tag values find what was sent, whatever columns it lies in.</summary>
    private async Task<string> SearchAsync(TempoNode node)
    {
        var blocks = (int)((_next - 1) / SpansPerBlock);
        var found = await node.SearchAsync(
            TenantSet.Single, new SearchRequest { Query = "{ span.route = `/r3` && span.size = 3 }", Limit = 100_000 }, default);
        var expected = Enumerable.Range(0, SpansPerBlock).Count(static i => i % 7 == 3 && i % 2 == 0 && i % 5 == 3) * blocks;
        if (found.Traces.Count != expected) return $"{found.Traces.Count} traces of {expected}";
        var values = await node.TagValuesAsync(TenantSet.Single, new TagValuesRequest { Name = "span.route" }, default);
        var names = await node.TagNamesAsync(TenantSet.Single, new TagNamesRequest { Scope = "span" }, default);
        return values.Values.Count != 7 ? $"{values.Values.Count} routes"
            : string.Join(' ', names.Scopes[0].Names) != "often rare route size url" ? "names"
            : "";
    }
}
