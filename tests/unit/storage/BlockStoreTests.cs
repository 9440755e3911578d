using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Testing;

namespace Tempo.Storage.Tests;

public sealed class BlockStoreTests : IDisposable
{
    private static readonly BlockId Id = BlockId.Derive(1, 2);
    private static readonly BlockStoreOptions Options =
        new() { BloomShardBytes = 64, Layout = new BlockWriterOptions { PageSpans = 4, RowGroupSpans = 8 } };
    private readonly string _root = Directory.CreateTempSubdirectory("tempo-blocks-").FullName;
    private readonly LiveBatch _spans = Spans.Append(Spans.Request(Spans.Of(
        "s", "l", [.. Enumerable.Range(1, 300).Select(
            static i => Spans.New((ulong)i, start: 5_500_000_000, duration: 500_000_000, trace: new TraceId((ulong)i * 7, (ulong)i)))])));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task A_block_is_data_blooms_index_and_last_of_all_its_meta()
    {
        var objects = new RecordingStore(LocalObjectStore.Open(_root + "/objects"));
        var store = Open(objects);

        var meta = await WriteAsync(store);

        Assert.NotNull(meta);
        Assert.True(meta.BloomShardCount > 1, $"{meta.BloomShardCount} bloom shards");
        string[] expected = ["data.parquet", .. Enumerable.Range(0, meta.BloomShardCount).Select(static i => $"bloom-{i}"), "tempo.sidecar",
            "index", "meta.json"];
        Assert.Equal(expected.Select(static name => $"single-tenant/{Id}/{name}"), objects.Put);
        Assert.Equal(expected.Order(StringComparer.Ordinal),
            Directory.GetFiles($"{_root}/objects/single-tenant/{Id}").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal((5L, 6L, 300L), (meta.StartSeconds, meta.EndSeconds, meta.TotalObjects));
        Assert.Equal(new FileInfo($"{_root}/objects/single-tenant/{Id}/data.parquet").Length, meta.SizeBytes);
        Assert.Empty(Directory.GetFiles(_root + "/work"));
    }

    [Fact]
    public async Task A_written_block_is_listed_opened_and_searched()
    {
        var objects = LocalObjectStore.Open(_root + "/objects");
        var written = await WriteAsync(Open(objects));
        var store = Open(objects);

        var listed = Assert.Single(await store.ListAsync(static damage => Assert.Fail(damage), default));
        Assert.Equal(Encoding.UTF8.GetString(written!.ToJson()), Encoding.UTF8.GetString(listed.ToJson()));
        using var block = await store.OpenAsync(listed, default);
        Assert.Equal(listed.RowGroupCount, block.RowGroupCount);
        var excluded = 0;
        for (var i = 1ul; i <= 300; i++)
        {
            Assert.True(block.MayContain(new TraceId(i * 7, i)));
            var (group, row) = block.Find(new TraceId(i * 7, i), static (reader, number) => reader.OpenRowGroup(number));
            Assert.Equal(i, block.OpenRowGroup(group).Read(row, 1, BatchColumns.SpanIds).SpanId[0]);
            if (!block.MayContain(new TraceId(i * 7, i + 1000))) excluded++;
        }

        Assert.InRange(excluded, 270, 300);
    }

    [Fact]
    public async Task The_index_is_the_last_id_of_each_row_group()
    {
        await WriteAsync(Open(LocalObjectStore.Open(_root + "/objects")));
        var json = await File.ReadAllTextAsync($"{_root}/objects/single-tenant/{Id}/index");
        var ids = System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("rowGroups").EnumerateArray()
            .Select(static e => TraceId.Read(e.GetBytesFromBase64())).ToArray();
        Assert.Equal(Enumerable.Range(1, 38).Select(static group => Math.Min(8ul * (ulong)group, 300))
            .Select(static i => new TraceId(i * 7, i)), ids);
    }

    [Fact]
    public async Task A_block_whose_writing_fails_anywhere_is_not_there_and_can_be_written_again()
    {
        var local = LocalObjectStore.Open(_root + "/objects");
        var counted = new RecordingStore(local);
        await WriteAsync(Open(counted), BlockId.Derive(9, 9));
        for (var failing = 1; failing <= counted.Put.Count; failing++)
        {
            var store = Open(new RecordingStore(local) { FailingPut = failing });
            await Assert.ThrowsAsync<ObjectStoreException>(() => WriteAsync(store));
            Assert.Null(await store.TryReadMetaAsync(TenantId.Single, Id, static damage => Assert.Fail(damage), default));
            Assert.Empty(Directory.GetFiles(_root + "/work"));
        }

        Assert.NotNull(await WriteAsync(Open(local)));
        var first = await ReadFilesAsync();
        Assert.NotNull(await WriteAsync(Open(local)));
        Assert.Equal(first, await ReadFilesAsync());
    }

    [Fact]
    public async Task Nothing_is_written_for_no_traces()
    {
        var objects = new RecordingStore(LocalObjectStore.Open(_root + "/objects"));
        Assert.Null(await Open(objects).WriteAsync(TenantId.Single, Id, 0, static _ => { }, default));
        Assert.Empty(objects.Put);
    }

    [Fact]
    public async Task Missing_and_damaged_parts_cost_speed_or_the_block_but_never_an_answer()
    {
        var store = Open(LocalObjectStore.Open(_root + "/objects"));
        var meta = await WriteAsync(store);
        var folder = $"{_root}/objects/single-tenant/{Id}/";
        var id = new TraceId(7 * 100, 100);

        await File.WriteAllTextAsync(folder + "index", "{\"rowGroups\":[\"AAAA\"]}");
        File.Delete(folder + "bloom-0");
        await File.WriteAllBytesAsync(folder + "bloom-1", [1, 2, 3]);
        using (var block = await store.OpenAsync(meta!, default))
        {
            for (var i = 1ul; i <= 300; i++) Assert.True(block.MayContain(new TraceId(i * 7, i)));
            Assert.True(block.Find(id, static (reader, number) => reader.OpenRowGroup(number)).Row >= 0);
        }

        // A meta that names another number of shards: none of them can be trusted.
        using (var block = await store.OpenAsync(meta! with { BloomShardCount = 5000 }, default)) Assert.True(block.MayContain(id));

        await File.WriteAllTextAsync(folder + "data.parquet", "PAR1 but no more");
        await Assert.ThrowsAsync<BlockReadException>(() => store.OpenAsync(meta!, default));
        File.Delete(folder + "data.parquet");
        await Assert.ThrowsAsync<BlockReadException>(() => store.OpenAsync(meta!, default));

        await File.WriteAllTextAsync(folder + "meta.json", "{");
        var damages = new List<string>();
        Assert.Empty(await store.ListAsync(damages.Add, default));
        Assert.Contains(Id.ToString(), Assert.Single(damages), StringComparison.Ordinal);
    }

    /// <summary>One waiter that gives up does not take the block from the others.</summary>
    [Fact]
    public async Task A_handle_opens_once_whoever_cancels()
    {
        var store = Open(LocalObjectStore.Open(_root + "/objects"));
        var handle = new BlockHandle((await WriteAsync(store))!, store);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await handle.OpenAsync(cancelled.Token);
            cancelled.Token.ThrowIfCancellationRequested();
        });
        Assert.Same(await handle.OpenAsync(default), await handle.OpenAsync(default));
    }

    private BlockStore Open(IObjectStore objects)
    {
        var store = new BlockStore(objects, _root + "/work", Options);
        store.Sweep();
        return store;
    }

    private Task<BlockMeta?> WriteAsync(BlockStore store, BlockId? id = null) =>
        store.WriteAsync(TenantId.Single, id ?? Id, 0, visit => LiveTraces.ForEach([Spans.View(_spans)], visit), default);

    private async Task<Dictionary<string, string>> ReadFilesAsync()
    {
        var files = new Dictionary<string, string>();
        foreach (var path in Directory.GetFiles($"{_root}/objects/single-tenant/{Id}"))
            files.Add(path, Convert.ToBase64String(await File.ReadAllBytesAsync(path)));
        return files;
    }

    [Fact]
    public async Task Damage_met_by_looking_up_a_trace_by_its_row_is_remembered()
    {
        var objects = LocalObjectStore.Open(_root + "/objects");
        var meta = (await WriteAsync(Open(objects)))!;
        var path = $"{_root}/objects/single-tenant/{Id}/data.parquet";
        var bytes = await File.ReadAllBytesAsync(path);
        foreach (ref var b in bytes.AsSpan(4, bytes.Length / 2)) b ^= 0x55;
        await File.WriteAllBytesAsync(path, bytes);
        var store = Open(objects);
        using var block = await store.OpenAsync(meta, default);
        Assert.True(block.Sidecar.HasIdFilter);
        Assert.False(store.Health.IsDamaged(Id));
        Assert.Throws<BlockReadException>(() => block.Find(new TraceId(7, 1), static (reader, number) => reader.OpenRowGroup(number)));
        Assert.True(store.Health.IsDamaged(Id));
    }

    /// <summary>Notes what is put, in order, and fails one put before it stores anything.</summary>
    private sealed class RecordingStore(IObjectStore inner) : PassThroughStore(inner)
    {
        private int _puts;

        public List<string> Put { get; } = [];

        public int FailingPut { get; init; }

        public override ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
        {
            Note(key);
            return base.PutAsync(key, content, cancellation);
        }

        public override ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default)
        {
            Note(key);
            return base.PutAsync(key, content, sizeBytes, cancellation);
        }

        public override ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
        {
            Note(key);
            return base.PutFileAsync(key, path, cancellation);
        }

        public override ValueTask<bool> TryPutIfAbsentAsync(
            ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
        {
            Note(key);
            return base.TryPutIfAbsentAsync(key, content, cancellation);
        }

        private void Note(ObjectKey key)
        {
            if (++_puts == FailingPut) throw new ObjectStoreException(ObjectStoreError.Full, key, "no space");
            Put.Add(key.ToString());
        }
    }
}
