using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>A deleted trace is shown to nobody from that moment on, and leaves the blocks; nothing else does.</summary>
public sealed class DeletedTracesTests : IDisposable
{
    private const int Traces = 10;
    private static readonly ulong Now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds() * 1_000_000_000;
    private readonly string _root = TestFolder.Create("tempo-deleted-");

    private NodeOptions Options => BlockFolder.NodeOptionsIn(_root);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Live, in a block, after a restart, and when it is gone from the blocks: the answers are the same.</summary>
    [Fact]
    public async Task A_deleted_trace_is_not_shown_at_any_time()
    {
        await using (var node = await StartAsync())
        {
            await IngestAsync(node, 1, Traces);
            await AssertShownAsync(node, Enumerable.Range(1, Traces));
            await node.DeleteTracesAsync(TenantId.Single, [IdOf(3)], default);
            await AssertShownAsync(node, Enumerable.Range(1, Traces).Except([3]));
            await node.FlushAsync(default);
            await node.DeleteTracesAsync(TenantId.Single, [IdOf(5), IdOf(99)], default);
            await AssertShownAsync(node, Enumerable.Range(1, Traces).Except([3, 5]));
        }

        await using var restarted = await StartAsync();
        await AssertShownAsync(restarted, Enumerable.Range(1, Traces).Except([3, 5]));
        await restarted.CompactAsync(default);
        await AssertShownAsync(restarted, Enumerable.Range(1, Traces).Except([3, 5]));
        await IngestAsync(restarted, 3, 1);
        await AssertShownAsync(restarted, Enumerable.Range(1, Traces).Except([3, 5]));
    }

    [Fact]
    public async Task Compaction_takes_it_out_of_the_blocks_and_forgets_it_an_hour_later()
    {
        using var folder = BlockFolder.Create();
        var expected = await FillAsync(folder);
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var running = await folder.StartAsync(folder.OpenObjects(), time);
        running.State.Update(static view => view with { Generations = [null!] }); // one that takes requests, and none that waits
        await running.Deletion.DeleteAsync(TenantId.Single, [MergeTestsId(4), MergeTestsId(6)], default);
        Assert.True(File.Exists(Path.Combine(folder.TenantPath, "deleted-traces.json")));
        await running.RunOnceAsync();
        var (traces, rows) = await folder.ReadAllAsync();
        Assert.Equal(expected.Where(trace => trace.Key != MergeTestsId(4).ToString() && trace.Key != MergeTestsId(6).ToString()), traces);
        Assert.Equal(expected.Count - 2, rows);
        Assert.Equal((await folder.ListAsync()).Select(static meta => meta.BlockId).Order(), running.Blocks.Order());
        Assert.Contains("tempodb_compaction_traces_deleted_total 2\n", running.MetricsText, StringComparison.Ordinal);

        await running.RunOnceAsync();
        Assert.Equal(2, running.State.View.DeletedOf(TenantId.Single).Count);
        time.Advance(TimeSpan.FromMinutes(61));
        await running.RunOnceAsync();
        Assert.Equal(0, running.State.View.DeletedOf(TenantId.Single).Count);
        Assert.Equal(0, (await new DeletedTracesStore(folder.OpenObjects()).LoadAsync(TenantId.Single, default)).Count);
    }

    /// <summary>
    /// Each of several nodes over one store deletes traces of its own while the owner of the tenant forgets old ones: none undoes what
    /// another one did.
    /// </summary>
    [Fact]
    public async Task What_several_nodes_delete_at_once_is_all_deleted()
    {
        const int Nodes = 4, Each = 8;
        using var folder = BlockFolder.Create();
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var owner = await folder.StartAsync(folder.OpenObjects(), time);
        owner.State.Update(static view => view with { Generations = [null!] });
        await owner.Deletion.DeleteAsync(TenantId.Single, [IdOf(1000), IdOf(1001)], default);
        time.Advance(TimeSpan.FromMinutes(61));
        using var start = new Barrier(Nodes + 1);
        var nodes = Enumerable.Range(0, Nodes).Select(node => Task.Run(async () =>
        {
            var running = await folder.StartAsync(folder.OpenObjects(), time);
            start.SignalAndWait();
            for (var i = 0; i < Each; i++) await running.Deletion.DeleteAsync(TenantId.Single, [IdOf(node * Each + i)], default);
        }));
        await Task.WhenAll(nodes.Append(Task.Run(async () =>
        {
            start.SignalAndWait();
            await owner.Deletion.ForgetAsync(TenantId.Single, owner.State.View.DeletedOf(TenantId.Single), default);
        })));
        var stored = await new DeletedTracesStore(folder.OpenObjects()).LoadAsync(TenantId.Single, default);
        Assert.Equal(Enumerable.Range(0, Nodes * Each).Select(IdOf).Order(), stored.Ids.Order());
    }

    [Fact]
    public async Task What_comes_into_the_view_while_old_ones_are_forgotten_stays_there()
    {
        using var folder = BlockFolder.Create();
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var store = new MeanwhileStore(folder.OpenObjects());
        var owner = await folder.StartAsync(store, time);
        await owner.Deletion.DeleteAsync(TenantId.Single, [IdOf(1000)], default);
        time.Advance(TimeSpan.FromMinutes(61));
        store.Meanwhile = () => owner.State.Update(view => view with
        {
            Deleted = view.Deleted.SetItem(TenantId.Single, view.DeletedOf(TenantId.Single).With([IdOf(1)], time.GetUtcNow())!)
        });
        await owner.Deletion.ForgetAsync(TenantId.Single, owner.State.View.DeletedOf(TenantId.Single), default);
        Assert.Equal([IdOf(1)], owner.State.View.DeletedOf(TenantId.Single).Ids);
    }

    /// <summary>A changed byte is no other trace: the object is refused, or says the same.</summary>
    [Fact]
    public void Every_flipped_byte_of_the_list_is_noticed()
    {
        var deleted = DeletedTraces.None.With([new TraceId(1, 2), new TraceId(3, 4)], DateTimeOffset.UnixEpoch)!;
        var json = deleted.ToJson();
        Assert.True(DeletedTraces.TryParse(json, out var read, out _) && read.IsSameAs(deleted));
        for (var i = 0; i < json.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                json[i] ^= (byte)(1 << bit);
                Assert.True(!DeletedTraces.TryParse(json, out read, out _) || read.IsSameAs(deleted), $"byte {i}, bit {bit}");
                json[i] ^= (byte)(1 << bit);
            }
        }

        Assert.True(DeletedTraces.TryParse("{\"traces\":[]}"u8.ToArray(), out read, out _) && read.Count == 0);
    }

    [Fact]
    public async Task A_block_of_nothing_else_goes_altogether()
    {
        using var folder = BlockFolder.Create();
        await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 3));
        var running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.Deletion.DeleteAsync(TenantId.Single, [MergeTestsId(1), MergeTestsId(2)], default);
        await running.RunOnceAsync();
        Assert.Empty(running.Blocks);
        Assert.Empty(await folder.ListAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_is_taken_out_whenever_the_process_ends(bool afterTheWork)
    {
        using var original = BlockFolder.Create();
        var expected = await FillAsync(original);
        var before = await original.StartAsync(original.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await before.Deletion.DeleteAsync(TenantId.Single, [MergeTestsId(4)], default);
        expected.Remove(MergeTestsId(4).ToString());
        for (var crashAt = 1; ; crashAt++)
        {
            using var folder = original.Copy();
            var objects = new CrashingStore(folder.OpenObjects(), afterTheWork);
            var running = await folder.StartAsync(objects, new ManualTime(DateTimeOffset.UtcNow));
            objects.CrashAtChange(crashAt);
            try
            {
                await running.RunOnceAsync();
            }
            catch (ObjectStoreException)
            {
                Assert.True(objects.HasCrashed);
            }

            if (!objects.HasCrashed) break;
            var restarted = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
            await restarted.RunOnceAsync();
            await restarted.RunOnceAsync();
            Assert.Equal(expected, (await folder.ReadAllAsync()).Traces);
        }
    }

    [Fact]
    public void What_is_deleted_comes_back_from_its_text_and_nothing_else_is_taken()
    {
        var time = new DateTimeOffset(2026, 11, 28, 1, 2, 3, TimeSpan.Zero);
        var deleted = DeletedTraces.None.With([new TraceId(1, 2), new TraceId(3, 4)], time)!;
        Assert.True(DeletedTraces.TryParse(deleted.ToJson(), out var read, out var error), error);
        Assert.Equal(deleted.Ids.Order(), read.Ids.Order());
        Assert.Equal((2, 0), (read.After(time.AddSeconds(-1)).Count, read.After(time).Count));
        foreach (var text in new[] { "", "[]", "{}", """{"traces":7}""", """{"traces":[{"id":"xyz","time":"2026-11-28T00:00:00Z"}]}""",
            """{"traces":[{"id":"01"}]}""", """{"traces":[{"id":"01","time":"soon"}]}""" })
        {
            Assert.False(DeletedTraces.TryParse(Encoding.UTF8.GetBytes(text), out _, out error), text);
            Assert.NotEmpty(error);
        }

        Assert.Null(DeletedTraces.None.With(
            Enumerable.Range(1, DeletedTraces.MaxCount + 1).Select(static i => new TraceId(0, (ulong)i)), time));
    }

    private Task<TempoNode> StartAsync() => TempoNode.StartAsync(Options, new MetricRegistry(), Log.Null, TimeProvider.System);

    private static async Task IngestAsync(TempoNode node, int first, int count)
    {
        using var request = new NativeBuffer();
        request.Append(Spans.Request(
            Spans.Of("s", "l", [.. Enumerable.Range(first, count).Select(i => Spans.New((ulong)i, start: Now, trace: IdOf(i)))])));
        Assert.Equal(IngestStatus.Accepted, (await node.IngestAsync(TenantId.Single, request)).Status);
    }

    private static async Task AssertShownAsync(TempoNode node, IEnumerable<int> traces)
    {
        TraceId[] expected = [.. traces.Select(IdOf)];
        for (var i = 1; i <= Traces; i++)
            Assert.Equal(expected.Contains(IdOf(i)), !(await node.FindTraceAsync(TenantId.Single, IdOf(i), 0, 0, default)).Trace.IsEmpty);
        var found = await node.SearchAsync(TenantId.Single, new SearchRequest { Query = "{}", Limit = 100 }, default);
        Assert.Equal(expected.Order(), found.Traces.Select(static trace => trace.TraceId).Order());
        var range = new QueryRangeRequest
        {
            Query = "{} | count_over_time()",
            StartUnixNano = Now - 60_000_000_000,
            EndUnixNano = Now + 60_000_000_000,
            StepNano = 60_000_000_000
        };
        var counted = await node.QueryMetricsAsync(TenantId.Single, range, default);
        Assert.Equal(expected.Length, counted.Series.Sum(static series => series.Samples.Sum(static sample => sample.Value)));
    }

    private static TraceId IdOf(int trace) => new((ulong)trace * 7919, (ulong)trace);

    private static TraceId MergeTestsId(int trace) => IdOf(trace);

    // Two blocks that share traces, so that they are compacted, too.
    private static async Task<Dictionary<string, string[]>> FillAsync(BlockFolder folder)
    {
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        foreach (var (from, to) in new[] { (1, 5), (5, 9) })
        {
            var request = MergeTests.Request(from, to, Now);
            model.Add(request);
            await folder.WriteAsync(new BlockWriterOptions(), request);
        }

        return model.Expected(fromBlock: true);
    }

    private sealed class MeanwhileStore(IObjectStore inner) : PassThroughStore(inner)
    {
        public Action? Meanwhile { get; set; }

        public override ValueTask<bool> TryReplaceAsync(
            ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
        {
            Meanwhile?.Invoke();
            return base.TryReplaceAsync(key, expected, content, cancellation);
        }
    }
}
