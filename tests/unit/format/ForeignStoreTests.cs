using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Inspect;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>Blocks of Tempo in a store: listed, searched, found by id and compacted into ours.</summary>
public sealed class ForeignStoreTests
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    /// <summary>Attributes that have columns of their own in one version and not in another, of all kinds.</summary>
    private static readonly string[] Queries =
    [
        "{}",
        "{ span.http.method = \"GET\" }",
        "{ span.http.method != \"GET\" && span.http.status_code > 0 }",
        "{ span.http.status_code < 0 }",
        "{ resource.k8s.pod.name = \"x\" }",
        "{ resource.service.name = \"x\" || span.service.name = \"GET\" }",
        "{ span.a = true }",
        "{ span.msg > 1000000.5 }",
        "{ event.msg = \"GET\" }",
        "{ event:name = \"x\" }",
        "{ link:traceID = \"0\" } || { span.db.statement =~ \"y+.*\" }",
        "{ kind = server && status = error } | count() > 0",
        "{ name = \"x\" } >> { }",
    ];

    public static TheoryData<string, int> Cases()
    {
        var cases = new TheoryData<string, int>();
        foreach (var version in ReadForeignBlocksTests.Versions)
            for (var seed = 1; seed <= 3; seed++)
                cases.Add(version, seed);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Searches_and_look_ups_answer_as_on_a_block_of_ours(string version, int seed)
    {
        var foreign = Write(version, seed);
        using var store = ForeignStore.Create(foreign);
        var blocks = store.Open();
        var meta = Assert.Single(await blocks.ListAsync(static damage => Assert.Fail(damage), Cancellation));
        var theirs = new TraceSources([], [new BlockHandle(meta, blocks)]);
        var ours = new TraceSources([], [new BlockHandle(await RewriteAsync(blocks, meta), blocks)]);

        var found = 0;
        foreach (var query in Queries)
        {
            var expected = await Search(ours, query);
            var actual = await Search(theirs, query);
            Assert.True(expected.SequenceEqual(actual), $"{query}\n{string.Join('\n', expected)}\nbut\n{string.Join('\n', actual)}");
            found += expected.Count;
        }

        Assert.True(found > 30, $"only {found} answers: the queries test nothing");
        foreach (var (id, _) in foreign.Traces.Traces)
        {
            using var buffer = new NativeBuffer();
            var trace = await TraceFinder.FindAsync(theirs, TraceId.Read(id.Span), 0, 0, Cancellation);
            trace.WritePart(buffer, int.MaxValue);
            Assert.Equal(foreign.Traces.Expected[Convert.ToHexStringLower(id.Span)], TraceModel.Describe(buffer.Written));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Blocks_of_Tempo_are_compacted_into_ours(string version, int seed)
    {
        using var store = ForeignStore.Create(Write(version, seed), Write(version, seed + 100));
        var blocks = store.Open();
        var inputs = await blocks.ListAsync(static damage => Assert.Fail(damage), Cancellation);
        Assert.NotNull(CompactionSelector.Select(
            inputs, inputs[0].EndSeconds, new CompactionOptions { Window = TimeSpan.FromDays(100_000) }));
        var compactor = new BlockCompactor(store.OpenObjects(), blocks,
            new CompactedBlocks(store.OpenObjects(), new SteadyClock(TimeProvider.System)), new CompactionOptions());
        var (output, _) = await compactor.MergeAsync(new CompactionJob(inputs), Cancellation);

        Assert.NotNull(output);
        Assert.Equal((BlockVersion.Default.Name, 1), (output.Format, output.CompactionLevel));
        var expected = Write(version, seed).Traces.Expected.Concat(Write(version, seed + 100).Traces.Expected)
            .GroupBy(static trace => trace.Key).ToDictionary(
                static trace => trace.Key, static trace => trace.SelectMany(static t => t.Value).Order(StringComparer.Ordinal).ToArray());
        using var reader = await blocks.OpenAsync(output, Cancellation);
        ReadForeignBlocksTests.AssertEqual(expected, visit => MemoryBlock.ForEachTrace(reader, new Random(seed), 10, visit));
    }

    /// <summary>Verification finds nothing wrong with what is sound, of whoever; nor with what it is converted to.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_sound_block_is_found_sound_and_so_is_what_it_becomes(string version, int seed)
    {
        var foreign = Write(version, seed);
        using var store = ForeignStore.Create(foreign);
        var blocks = store.Open();
        var report = await BlockVerifier.VerifyAsync(store.OpenObjects(), blocks, TenantId.Single, foreign.Meta.BlockId, Cancellation);
        Assert.Empty(report.Problems);
        Assert.Equal(foreign.Traces.Traces.Count, report.TraceCount);
        var meta = (await blocks.ListAsync(static damage => Assert.Fail(damage), Cancellation)).Single();
        foreach (var target in BlockVersion.All.Where(static target => target.CanWrite))
        {
            var written = await new BlockConverter(blocks, blocks,
                new BlockWriterOptions { Version = target, PageSpans = 20, RowGroupSpans = 60 }).ConvertAsync(meta, Cancellation);
            Assert.Equal((target.Name, meta.TotalObjects), (written!.Format, written.TotalObjects));
            report = await BlockVerifier.VerifyAsync(store.OpenObjects(), blocks, TenantId.Single, written.BlockId, Cancellation);
            Assert.Empty(report.Problems);
            var rebuilt = await blocks.RebuildAsync(written, bloom: true, index: true, Cancellation);
            Assert.Equal(written.ToJson(), rebuilt.ToJson());
        }
    }

    private static async Task<BlockMeta> RewriteAsync(BlockStore store, BlockMeta meta)
    {
        using var reader = await store.OpenAsync(meta, Cancellation);
        var block = new NewBlock
        {
            Tenant = meta.Tenant,
            Id = BlockId.Derive(1, 2),
            Layout = new BlockWriterOptions { DedicatedColumns = TestColumns.Others }
        };
        return (await store.WriteAsync(block, writer => MemoryBlock.ForEachTrace(reader, new Random(1), 10, writer.Add), Cancellation))!;
    }

    private static async Task<List<string>> Search(TraceSources sources, string query)
    {
        var result =
            await TraceSearch.RunAsync(new SearchRequest { Query = query, Limit = 100, SpansPerSpanSet = 100 }, sources, Cancellation);
        Assert.True(result.Message == "", result.Message);
        return [.. result.Traces.Select(
            static trace => $"{trace.TraceId} {trace.StartTimeUnixNano} {trace.DurationMs} {trace.SpanSets.Length} {string.Join(' ', trace.SpanSets.SelectMany(static set => set.Spans).Select(static span => span.SpanId))}")];
    }

    private static ForeignBlock Write(string version, int seed) => ForeignBlock.Write(
        version, ForeignTraces.Random(version, seed, traceCount: 20, requestCount: 50, isTame: true), TestColumns.Some, ForeignStyle.Tempo,
        seed, rowsPerGroup: 7);
}
