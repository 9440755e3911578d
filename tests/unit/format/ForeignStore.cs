using System.Globalization;
using System.Text.Json.Nodes;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.SimdBloom;

namespace Tempo.Format.Tests;

/// <summary>A folder with blocks as Tempo leaves them on its disk: meta.json in Go's words, bloom shards, index.</summary>
internal sealed class ForeignStore : IDisposable
{
    private ForeignStore(string root) => Root = root;

    public string Root { get; }

    public string ObjectsPath => Path.Combine(Root, "objects");

    public static ForeignStore Create(params IEnumerable<ForeignBlock> blocks)
    {
        var store = new ForeignStore(Directory.CreateTempSubdirectory("tempo-format-").FullName);
        foreach (var block in blocks) store.Add(block);
        return store;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    public IObjectStore OpenObjects() => LocalObjectStore.Open(ObjectsPath);

    public BlockStore Open(BlockStoreOptions? options = null)
    {
        var store = new BlockStore(OpenObjects(), Path.Combine(Root, "work"), options ?? new BlockStoreOptions());
        store.Sweep();
        return store;
    }

    private void Add(ForeignBlock block)
    {
        var folder = Path.Combine(ObjectsPath, block.Meta.Tenant.Value, block.Meta.BlockId.ToString());
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "data.parquet"), block.Data);
        var layout = TempoBloomLayout.For(block.Traces.Traces.Count, 0.01, 100 * 1024);
        var bloom = new TempoBloomBuilder(layout);
        foreach (var (id, _) in block.Traces.Traces) bloom.Add(id.Span);
        for (var shard = 0; shard < layout.ShardCount; shard++)
            File.WriteAllBytes(Path.Combine(folder, $"bloom-{shard}"), bloom.ShardObject(shard).ToArray());
        var lastIds = block.Traces.Traces.Chunk(block.RowsPerGroup).Select(static group => group[^1].Id.ToBase64());
        File.WriteAllText(Path.Combine(folder, "index"),
            new JsonObject { ["rowGroups"] = new JsonArray([.. lastIds.Select(static id => (JsonNode)id)]) }.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "meta.json"), Meta(block.Meta, layout.ShardCount));
    }

    // As a Go program writes it: nanoseconds if there are any, keys of old versions, empty fields left out.
    private static string Meta(BlockMeta meta, int bloomShards)
    {
        var json = new JsonObject
        {
            ["format"] = meta.Format,
            ["blockID"] = meta.BlockId.ToString(),
            ["minID"] = "AAAAAAAAAAAAAAAAAAAAAA==",
            ["maxID"] = "/////////////////////w==",
            ["tenantID"] = meta.Tenant.Value,
            ["startTime"] = Time(meta.StartSeconds, ".000000001Z"),
            ["endTime"] = Time(meta.EndSeconds, "Z"),
            ["totalObjects"] = meta.TotalObjects,
            ["size"] = meta.SizeBytes,
            ["compactionLevel"] = 0,
            ["encoding"] = "none",
            ["indexPageSize"] = 0,
            ["totalRecords"] = meta.RowGroupCount,
            ["dataEncoding"] = "",
            ["bloomShards"] = bloomShards,
            ["footerSize"] = meta.FooterSizeBytes,
        };
        if (meta.DedicatedColumns.Specs.Count > 0)
            json["dedicatedColumns"] = JsonNode.Parse(meta.ToJson())!["dedicatedColumns"]!.DeepClone();
        return json.ToJsonString();
    }

    private static string Time(long seconds, string end) =>
        DateTimeOffset.FromUnixTimeSeconds(seconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + end;
}
