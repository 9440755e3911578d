using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests.Corruption;

/// <summary>
/// Blocks of two tenants with everything that lies beside them, in memory, and what a sound reader says of them. A copy of it
/// with one file changed is asked the same.
/// </summary>
internal sealed class GoldenNode
{
    private const string Root = "blocks";

    /// <summary>Two row groups, of two pages: what can be damaged is all there, and an input takes some milliseconds.</summary>
    private const int SpansOfABlock = 16;

    private static readonly string[] Queries = ["{}", "{ resource.service.name = \"x\" || span.a != nil }"];
    private readonly Dictionary<TenantId, Answers> _sound = [];

    private GoldenNode(Dictionary<string, byte[]> files, List<TenantId> tenants) => (Files, Tenants) = (files, tenants);

    /// <summary>Contents by path.</summary>
    public Dictionary<string, byte[]> Files { get; }

    public List<TenantId> Tenants { get; }

    public static async Task<GoldenNode> MakeAsync(int seed)
    {
        var disk = new SimDisk();
        var objects = LocalObjectStore.Open(disk, Root);
        var store = StoreOf(disk, objects);
        var requests = new RandomRequests(seed, traceCount: 8);
        List<TenantId> tenants = [TenantId.Single, TenantId.TryParse("other", out var other, out _) ? other : default];
        var layout = new BlockWriterOptions { PageSpans = 8, RowGroupSpans = 12, DedicatedColumns = TestColumns.Some };
        ulong number = 0;
        foreach (var tenant in tenants)
        {
            var metas = new List<BlockMeta>();
            for (var block = 0; block < 2; block++)
            {
                var batch = new LiveBatch();
                for (var spans = 0; spans < SpansOfABlock;) spans += batch.Append(requests.Next(), BlockFolder.MaxAttributeBytes).SpanCount;
                var meta = await store.WriteAsync(
                    new NewBlock { Tenant = tenant, Id = BlockId.Derive(seed == 0 ? 1 : (ulong)seed, ++number), Layout = layout },
                    writer => LiveTraces.ForEach([Spans.View(batch)], writer.Add), default);
                metas.Add(meta!);
            }

            await new TenantIndexObjects(objects).WriteAsync(tenant, new TenantIndex(DateTimeOffset.UnixEpoch, metas, []), default);
        }

        var files = new Dictionary<string, byte[]>();
        Collect(disk, Root, files);
        var golden = new GoldenNode(files, tenants);
        foreach (var tenant in tenants)
            golden._sound.Add(tenant, await golden.AskAsync(await golden.OpenAsync(disk, useIndex: false), tenant));
        Assert.All(golden._sound.Values, static answers => Assert.True(answers.Traces.Count > 3 && answers.Damage.Count == 0));
        return golden;
    }

    /// <summary>
    /// The node with this content in the place of a file's. Holds: of the tenant whose file it is an answer is what it was, or less and
    /// marked; other tenants', if they ask, are what they were.
    /// </summary>
    public async Task CheckAsync(string path, byte[] content, bool useIndex, bool doOthersAsk)
    {
        var disk = new SimDisk();
        foreach (var (name, bytes) in Files) disk.WriteAll(name, name == path ? content : bytes);
        var view = await OpenAsync(disk, useIndex);
        foreach (var tenant in Tenants)
        {
            var isTouched = path.StartsWith($"{Root}/{tenant.Value}/", StringComparison.Ordinal);
            if (!isTouched && !doOthersAsk) continue;
            var said = await AskAsync(view, tenant);
            said.AssertNoWorseThan(_sound[tenant], isTouched);
        }
    }

    private static BlockStore StoreOf(SimDisk disk, LocalObjectStore objects) =>
        new(objects, "work", new BlockStoreOptions { BloomShardBytes = 64 }, disk: disk);

    private static void Collect(SimDisk disk, string folder, Dictionary<string, byte[]> files)
    {
        Assert.Equal(DiskError.None, disk.TryListEntries(folder, withInfo: false, out var entries));
        foreach (var entry in entries)
        {
            var path = $"{folder}/{entry.Name}";
            if (entry.IsFolder) Collect(disk, path, files);
            else files.Add(path, disk.ReadAll(path));
        }
    }

    private async Task<NodeView> OpenAsync(SimDisk disk, bool useIndex)
    {
        var objects = LocalObjectStore.Open(disk, Root, sweep: false);
        var store = StoreOf(disk, objects);
        var listing = await store.ListAsync(
            useIndex ? TenantIndexUse.Always : TenantIndexUse.None, DateTimeOffset.UnixEpoch, static _ => false, default);
        return new NodeView([], [.. listing.Blocks.Select(meta => new BlockHandle(meta, store))]) { Unreadable = listing.Unreadable };
    }

    private async Task<Answers> AskAsync(NodeView view, TenantId tenant)
    {
        var answers = new Answers();
        var sources = view.SourcesOf(tenant);
        var ids = _sound.TryGetValue(tenant, out var sound) ? [.. sound.Traces.Keys] : await IdsAsync(sources);
        using var output = new NativeBuffer();
        foreach (var id in ids)
        {
            var found = await TraceFinder.FindAsync(sources, id, 0, 0, default);
            output.Clear();
            found.WritePart(output, int.MaxValue);
            answers.Traces.Add(id, (Convert.ToHexString(output.Written), found.SpanCount));
            if (found.Damage.Length > 0) answers.Damage.Add($"trace {id}", found.Damage);
        }

        foreach (var query in Queries)
        {
            var result = await TraceSearch.RunAsync(Request(query), sources, default);
            answers.Searches.Add(
                query, result.Traces.ToDictionary(
                    static trace => trace.TraceId, static trace => trace.SpanSets.Sum(static set => (int)set.Matched)));
            if (result.Message.Length > 0) answers.Damage.Add(query, result.Message);
        }

        foreach (var block in view.Blocks.Where(block => block.Meta.Tenant == tenant)) block.Close();
        return answers;
    }

    private static async Task<List<TraceId>> IdsAsync(TraceSources sources) =>
        [.. (await TraceSearch.RunAsync(Request("{}"), sources, default)).Traces.Select(static trace => trace.TraceId)];

    private static SearchRequest Request(string query) => new() { Query = query, Limit = int.MaxValue, SpansPerSpanSet = int.MaxValue };

    /// <summary>All that was asked of a tenant.</summary>
    private sealed class Answers
    {
        public Dictionary<TraceId, (string Bytes, int Spans)> Traces { get; } = [];

        public Dictionary<string, Dictionary<TraceId, int>> Searches { get; } = [];

        /// <summary>Answers that said that they are not whole.</summary>
        public Dictionary<string, string> Damage { get; } = [];

        public void AssertNoWorseThan(Answers sound, bool isTouched)
        {
            if (!isTouched) Assert.Empty(Damage);
            foreach (var (id, (bytes, spans)) in sound.Traces)
            {
                var said = Traces[id];
                if (said.Bytes == bytes) continue;
                Assert.True(Damage.ContainsKey($"trace {id}"),
                    $"trace {id} has other content or is gone, {said.Spans} spans of {spans}, and nothing says so");
                Assert.True(said.Spans < spans, $"trace {id} has other content: {said.Spans} spans of {spans}");
            }

            foreach (var (query, traces) in sound.Searches)
            {
                var said = Searches[query];
                foreach (var (id, matched) in said)
                {
                    // A part of a trace may match where the whole does not, or more of it: what is missing was marked then.
                    var isSame = traces.TryGetValue(id, out var expected) && matched == expected;
                    Assert.True(isSame || Damage.ContainsKey(query), $"{query}: trace {id} with {matched} matches, {expected} belong");
                    Assert.True(sound.Traces.ContainsKey(id), $"{query}: trace {id} was never sent");
                }

                if (said.Count < traces.Count)
                    Assert.True(Damage.ContainsKey(query), $"{query}: {said.Count} traces of {traces.Count}, and nothing says so");
            }
        }
    }
}
