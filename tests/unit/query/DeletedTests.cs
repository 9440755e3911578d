using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Query.Tests.Testing;
using Tempo.Testing;

namespace Tempo.Query.Tests;

/// <summary>What somebody deleted is not there: single traces, and blocks that vanish while they are open.</summary>
public sealed class DeletedTests : IDisposable
{
    private const ulong Start = 1_700_000_000_000_000_000;
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-deleted-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Layout.Live)]
    [InlineData(Layout.Block)]
    [InlineData(Layout.Split)]
    [InlineData(Layout.Copied)]
    public async Task Hidden_traces_are_in_no_tags_and_no_graph(Layout layout)
    {
        using var store = new TestStore();
        var all = await store.Sources(layout, Spans());
        foreach (var isHidden in new[] { false, true })
        {
            var sources =
                new TraceSources(all.Live, all.Blocks) { Hidden = isHidden ? new HashSet<TraceId> { new(0, 2) } : new HashSet<TraceId>() };
            string Shown(string prefix) => string.Join(' ', new[] { 1, 2, 3 }.Where(i => !isHidden || i != 2).Select(i => $"{prefix}{i}"));
            foreach (var query in new[] { "", "{ kind = server }" })
            {
                var names = await TagNames.RunAsync(new TagNamesRequest { Scope = "span", Query = query }, sources, default);
                Assert.Equal(
                    Shown("key"), string.Join(' ', names.Scopes.SelectMany(static scope => scope.Names).Order(StringComparer.Ordinal)));
                var values =
                    await TagValues.RunAsync(new TagValuesRequest { Name = "resource.service.name", Query = query }, sources, default);
                Assert.Equal(Shown("s"), string.Join(' ', values.Values.Select(static value => value.Value).Order(StringComparer.Ordinal)));
            }

            var graph = await ServiceGraphQuery.RunAsync(new ServiceGraphRequest(Start, Start + 60_000_000_000), sources, default);
            Assert.Equal(Shown("op"), string.Join(
                ' ', graph.Operations.Select(static operation => operation.SpanName).Order(StringComparer.Ordinal)));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_block_that_vanishes_while_it_is_open_is_never_silently_missing(bool withMeta)
    {
        var objects = new FarStore(LocalObjectStore.Open(Path.Combine(_folder, "objects")));
        var options = new BlockStoreOptions
        {
            Layout = new BlockWriterOptions { PageSpans = 4, RowGroupSpans = 12 },
            ColumnCacheBytes = 0,
            Cache = new RangeCache(0)
        };
        var store = new BlockStore(objects, Path.Combine(_folder, "work"), options);
        store.Sweep();
        var blocks = new List<BlockHandle>();
        for (var i = 1UL; i <= 2; i++)
        {
            var live = TestStore.Live(Spans());
            var meta = await store.WriteAsync(
                TenantId.Single, BlockId.Derive(1, i), compactionLevel: 0, visit => LiveTraces.ForEach(live, visit), default);
            blocks.Add(new BlockHandle(meta!, store));
            await blocks[^1].OpenAsync(default);
        }

        foreach (var path in Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).ToList())
            if (path.EndsWith("data.parquet", StringComparison.Ordinal) || withMeta && path.EndsWith("meta.json", StringComparison.Ordinal))
                File.Delete(path);
        var sources = new TraceSources([], blocks);
        var search = await TraceSearch.RunAsync(
            GoldenStores.Everything with { Query = "{ span.key1 = \"v\" }", StartSeconds = 0, EndSeconds = 0 }, sources, default);
        var found = await TraceFinder.FindAsync(sources, new TraceId(0, 1), 0, 0, default);
        var tags = await TagNames.RunAsync(new TagNamesRequest { Scope = "span", Query = "{ kind = server }" }, sources, default);
        var graph = await ServiceGraphQuery.RunAsync(new ServiceGraphRequest(Start, Start + 60_000_000_000), sources, default);
        var metrics = await Rate(sources);
        Assert.Empty(search.Traces);
        Assert.Empty(graph.Operations);
        Assert.All(metrics.Series.SelectMany(static series => series.Samples), static sample => Assert.Equal(0, sample.Value));
        Assert.All(new[] { search.Message, found.Damage, tags.Message, graph.Message, metrics.Message },
            message =>
                Assert.Contains(withMeta ? "was deleted while it was read" : "could not be read", message, StringComparison.Ordinal));
        if (!withMeta) return;

        // Who can begin anew is told to: the spans are in other blocks by now.
        var again = sources with { EndsIfBlockVanishes = true };
        await Assert.ThrowsAsync<VanishedBlockException>(
            () => TraceSearch.RunAsync(
                GoldenStores.Everything with { Query = "{ span.key1 = \"v\" }", StartSeconds = 0, EndSeconds = 0 }, again, default));
        await Assert.ThrowsAsync<VanishedBlockException>(() => TraceFinder.FindAsync(again, new TraceId(0, 1), 0, 0, default));
        await Assert.ThrowsAsync<VanishedBlockException>(
            () => TagNames.RunAsync(new TagNamesRequest { Scope = "span", Query = "{ kind = server }" }, again, default));
        await Assert.ThrowsAsync<VanishedBlockException>(
            async () => await ServiceGraphQuery.RunAsync(new ServiceGraphRequest(Start, Start + 60_000_000_000), again, default));
        await Assert.ThrowsAsync<VanishedBlockException>(() => Rate(again));
    }

    private static Task<QueryRangeResult> Rate(TraceSources sources) => MetricsQuery.RunAsync(
        new QueryRangeRequest
        {
            Query = "{} | rate()",
            StartUnixNano = Start,
            EndUnixNano = Start + 60_000_000_000,
            StepNano = 60_000_000_000
        }, sources, new MetricsLimits(), DateTimeOffset.UtcNow, threads: 2, default);

    private static List<TestSpan> Spans() => [.. Enumerable.Range(1, 3).Select(static i => new TestSpan
    {
        TraceId = new TraceId(0, (ulong)i),
        Id = (ulong)i,
        Kind = 2,
        Name = $"op{i}",
        StartUnixNano = Start + 1_000_000_000,
        DurationNano = 1_000_000,
        Resource = new TestResource(new Attributes { { "service.name", $"s{i}" } }),
        Attributes = new Attributes { { $"key{i}", "v" } },
    })];

    /// <summary>Objects that are not on this machine, as far as the engine knows.</summary>
    private sealed class FarStore(IObjectStore inner) : PassThroughStore(inner)
    {
        public override ILocalObjects? LocalObjects => null;
    }
}
