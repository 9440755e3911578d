using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>Compaction in a whole node, with queries at the same time.</summary>
public sealed class NodeTests : IDisposable
{
    private const int Rounds = 8;
    private const int BlocksPerRound = 3;
    private const int TracesPerBlock = 20;
    private static readonly ulong Now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds() * 1_000_000_000;
    private readonly string _root = TestFolder.Create("tempo-node-");

    private NodeOptions Options => BlockFolder.NodeOptionsIn(_root);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>
    /// Each trace has a span in each block of its round. Readers know how many spans of it were acknowledged before they ask.
    /// </summary>
    [Fact]
    public async Task Queries_see_every_span_once_while_blocks_are_compacted_and_deleted()
    {
        await using var node = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System);
        var acknowledged = new int[Rounds * TracesPerBlock];
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(seed => Task.Factory.StartNew(
            () => ReadAsync(node, acknowledged, new Random(seed), stop.Token), default, TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap()).ToArray();

        for (var round = 0; round < Rounds; round++)
        {
            for (var block = 0; block < BlocksPerRound; block++)
            {
                await IngestAsync(node, round, block);
                for (var i = 0; i < TracesPerBlock; i++) Interlocked.Increment(ref acknowledged[round * TracesPerBlock + i]);
                await node.FlushAsync(default);
            }

            await node.CompactAsync(default);
        }

        await stop.CancelAsync();
        var asked = 0;
        foreach (var reader in readers) asked += await reader;
        Assert.True(asked > 0);
        for (var trace = 0; trace < acknowledged.Length; trace++) Assert.Equal(BlocksPerRound, await CountAsync(node, trace));
        Assert.Equal(acknowledged.Length, (await SearchAsync(node)).Count);
        Assert.True(Directory.GetFiles(Path.Combine(_root, "blocks"), "meta.json", SearchOption.AllDirectories).Length < 4);
    }

    [Fact]
    public async Task Files_of_compacted_blocks_are_closed_and_gone()
    {
        await using var node = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System);
        for (var block = 0; block < BlocksPerRound; block++)
        {
            await IngestAsync(node, 0, block);
            await node.FlushAsync(default);
        }

        Assert.Equal(BlocksPerRound, await CountAsync(node, 0));
        Assert.Equal(BlocksPerRound, OpenBlockFiles().Count);
        await node.CompactAsync(default);
        // The first round has marked them, the next one deletes them.
        await node.CompactAsync(default);
        Assert.Equal(BlocksPerRound, await CountAsync(node, 0));
        var open = Assert.Single(OpenBlockFiles());
        var folder = Assert.Single(Directory.GetDirectories(Path.Combine(_root, "blocks", "single-tenant")));
        Assert.Equal(Path.Combine(folder, "data.parquet"), open);
    }

    [Fact]
    public async Task A_block_that_was_compacted_is_not_made_again_from_the_log()
    {
        await using (var node = await TempoNode.StartAsync(
            Options with { CompactedBlockRetention = TimeSpan.FromHours(1) }, new MetricRegistry(), Log.Null, TimeProvider.System))
        {
            await IngestAsync(node, 0, 0);
            CopyFiles(Options.WalPath, Options.WalPath + "-before");
            await node.FlushAsync(default);
            await IngestAsync(node, 0, 1);
            await node.FlushAsync(default);
            await node.CompactAsync(default);
        }

        // As if the log had not been released, nor written again.
        Directory.Delete(Options.WalPath, recursive: true);
        Directory.Move(Options.WalPath + "-before", Options.WalPath);
        await using var restarted = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System);
        await restarted.FlushAsync(default);
        Assert.Equal(2, await CountAsync(restarted, 0));
        Assert.Single(Directory.GetFiles(Path.Combine(_root, "blocks"), "meta.json", SearchOption.AllDirectories));
    }

    /// <summary>Spans that may be in a block whose meta cannot be read are missing, and the answers of its tenant say so.</summary>
    [Fact]
    public async Task A_damaged_meta_makes_answers_of_its_tenant_partial()
    {
        await using (var node = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System))
        {
            for (var block = 0; block < 2; block++)
            {
                await IngestAsync(node, 0, block);
                await node.FlushAsync(default);
            }
        }

        var meta = Directory.GetFiles(Path.Combine(_root, "blocks"), "meta.json", SearchOption.AllDirectories)[0];
        var json = await File.ReadAllTextAsync(meta);
        await File.WriteAllTextAsync(meta, json.Replace("\"totalObjects\":20", "\"totalObjects\":21", StringComparison.Ordinal));
        var metrics = new MetricRegistry();
        await using var restarted = await TempoNode.StartAsync(Options, metrics, Log.Null, TimeProvider.System);
        var answer = await restarted.FindTraceAsync(TenantId.Single, IdOf(0), 0, 0, default);
        Assert.True(answer.Partial);
        Assert.Contains("checksum", answer.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", (await restarted.SearchAsync(TenantId.Single, new SearchRequest { Query = "{}" }, default)).Message,
            StringComparison.Ordinal);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        Assert.Empty((await restarted.SearchAsync(other, new SearchRequest { Query = "{}" }, default)).Message);
    }

    [Fact]
    public async Task The_index_of_a_tenant_follows_its_blocks()
    {
        using var folder = BlockFolder.Create(Options);
        var requests = new RandomRequests(5, traceCount: 5);
        for (var i = 0; i < 3; i++) await folder.WriteAsync(new BlockWriterOptions(), requests.Next(), requests.Next(), requests.Next());
        var objects = folder.OpenObjects();
        var running = await folder.StartAsync(objects, TimeProvider.System);
        var loop = new TenantIndexLoop(
            Options, objects, running.State.View.Blocks[0].Store, running.State, new MetricRegistry(), Log.Null, TimeProvider.System);
        await loop.RunOnceAsync(default);
        var indexes = new TenantIndexObjects(objects);
        var before = await indexes.TryReadAsync(TenantId.Single, static damage => Assert.Fail(damage), default);
        Assert.Equal((3, 0), (before!.Blocks.Count, before.Compacted.Count));
        Assert.Equal(running.Blocks.Order(), before.Blocks.Select(static meta => meta.BlockId));

        await loop.RunOnceAsync(default);
        Assert.Equal(
            before.CreatedAt, (await indexes.TryReadAsync(TenantId.Single, static damage => Assert.Fail(damage), default))!.CreatedAt);

        await running.RunOnceAsync();
        await loop.RunOnceAsync(default);
        var after = await indexes.TryReadAsync(TenantId.Single, static damage => Assert.Fail(damage), default);
        Assert.Equal(running.Blocks.Order(), after!.Blocks.Select(static meta => meta.BlockId));
        Assert.Equal(before.Blocks.Select(static meta => meta.BlockId).Except(running.Blocks),
            after.Compacted.Select(static block => block.Meta.BlockId).Order());
        Assert.NotEmpty(after.Compacted);
    }

    /// <summary>
    /// A broken list of deleted traces is no reason not to start: its tenant's traces are withheld, and the answers say so.
    /// </summary>
    [Fact]
    public async Task A_damaged_list_of_deleted_traces_withholds_its_tenant_alone()
    {
        await using (var node = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System))
        {
            await IngestAsync(node, 0, 0);
            await node.FlushAsync(default);
        }

        await File.WriteAllTextAsync(Path.Combine(_root, "blocks", "single-tenant", "deleted-traces.json"), "{");
        await using var restarted = await TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System);
        var found = await restarted.SearchAsync(TenantId.Single, new SearchRequest { Query = "{}" }, default);
        Assert.Contains("deleted traces could not be read", found.Message, StringComparison.Ordinal);
        Assert.Empty(found.Traces);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        Assert.Empty((await restarted.SearchAsync(other, new SearchRequest { Query = "{}" }, default)).Message);
    }

    /// <summary>An index that outlives the last block tells readers of blocks that are gone: of this run, or of one before.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_tenant_without_blocks_has_no_index(bool isRestarted)
    {
        using var folder = BlockFolder.Create(Options);
        var block = await folder.WriteAsync(new BlockWriterOptions(), new RandomRequests(5, traceCount: 5).Next());
        var objects = folder.OpenObjects();
        var running = await folder.StartAsync(objects, TimeProvider.System);
        var store = running.State.View.Blocks[0].Store;
        TenantIndexLoop Open() => new(Options, objects, store, running.State, new MetricRegistry(), Log.Null, TimeProvider.System);
        var loop = Open();
        await loop.RunOnceAsync(default);
        var indexes = new TenantIndexObjects(objects);
        if (isRestarted) loop = Open();

        running.State.Update(static view => view with { Blocks = [], UnknownBlocks = "the service is down" });
        await loop.RunOnceAsync(default);
        Assert.Single((await indexes.TryReadAsync(TenantId.Single, static damage => Assert.Fail(damage), default))!.Blocks);

        running.State.Update(static view => view with { UnknownBlocks = "" });
        File.Move(folder.PathOf(block.BlockId, "meta.json"), folder.PathOf(block.BlockId, "meta.compacted.json"));
        await loop.RunOnceAsync(default);
        var marked = await indexes.TryReadAsync(TenantId.Single, static damage => Assert.Fail(damage), default);
        Assert.Equal((0, 1), (marked!.Blocks.Count, marked.Compacted.Count));

        Directory.Delete(folder.PathOf(block.BlockId), recursive: true);
        await loop.RunOnceAsync(default);
        Assert.Empty(await indexes.ListAsync(default));
    }

    private static async Task<int> ReadAsync(TempoNode node, int[] acknowledged, Random random, CancellationToken stop)
    {
        var asked = 0;
        for (; !stop.IsCancellationRequested; asked++)
        {
            var trace = random.Next(acknowledged.Length);
            var least = Volatile.Read(ref acknowledged[trace]);
            Assert.InRange(await CountAsync(node, trace), least, BlocksPerRound);
            if (asked % 8 != 0) continue;
            int[] atLeast = [.. acknowledged];
            var found = await SearchAsync(node);
            for (var i = 0; i < atLeast.Length; i++)
            {
                found.TryGetValue(IdOf(i), out var spans);
                Assert.InRange(spans, atLeast[i], BlocksPerRound);
            }
        }

        return asked;
    }

    private static async Task IngestAsync(TempoNode node, int round, int block)
    {
        var spans = Enumerable.Range(0, TracesPerBlock).Select(i =>
            Spans.New((ulong)block + 1, parent: block == 0 ? 0ul : 1, start: Now + (ulong)block, trace: IdOf(round * TracesPerBlock + i)));
        using var request = new NativeBuffer();
        request.Append(Spans.Request(Spans.Of("s", "l", [.. spans])));
        var outcome = await node.IngestAsync(TenantId.Single, request);
        Assert.Equal(IngestStatus.Accepted, outcome.Status);
    }

    /// <summary>Spans of the trace, all different.</summary>
    private static async Task<int> CountAsync(TempoNode node, int trace)
    {
        var answer = await node.FindTraceAsync(TenantId.Single, IdOf(trace), 0, 0, default);
        Assert.False(answer.Partial, answer.Message);
        var ids = TracesData.Parser.ParseFrom(answer.Trace.Span).ResourceSpans.SelectMany(static r => r.ScopeSpans)
            .SelectMany(static s => s.Spans).Select(static s => s.SpanId).ToList();
        Assert.Equal(ids.Distinct(), ids);
        return ids.Count;
    }

    private static async Task<Dictionary<TraceId, int>> SearchAsync(TempoNode node)
    {
        var result = await node.SearchAsync(TenantId.Single, new SearchRequest { Query = "{}", Limit = 10_000 }, default);
        Assert.Empty(result.Message);
        return result.Traces.ToDictionary(
            static trace => trace.TraceId, static trace => (int)trace.SpanSets.Sum(static set => set.Matched));
    }

    private static TraceId IdOf(int trace) => new((ulong)trace * 7919, (ulong)trace + 1);

    private static void CopyFiles(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Directory.GetFiles(source, "*", SearchOption.TopDirectoryOnly)
            .Where(static file => Path.GetFileName(file) != "lock"))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
    }

    private List<string> OpenBlockFiles()
    {
        var open = new List<string>();
        foreach (var descriptor in Directory.GetFiles("/proc/self/fd"))
            if (new FileInfo(descriptor).LinkTarget is { } target && target.StartsWith(_root, StringComparison.Ordinal)
                && target.Contains("data.parquet", StringComparison.Ordinal))
                open.Add(target);
        return open;
    }
}
