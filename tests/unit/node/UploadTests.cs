using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Node.Tests;

/// <summary>Blocks on their way to the object service: none waits for one that cannot be brought there.</summary>
public sealed class UploadTests : IDisposable
{
    private readonly BlockFolder _local = BlockFolder.Create();
    private readonly BlockFolder _service = BlockFolder.Create();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly NodeState _state = new(new NodeOptions(), TimeProvider.System);

    public void Dispose()
    {
        _local.Dispose();
        _service.Dispose();
    }

    [Fact]
    public async Task A_block_that_cannot_be_uploaded_keeps_none_behind_it()
    {
        var blocks = await WriteAsync(4);
        var (loop, service) = Open();
        service.Refuses = key => key.EndsWith($"{blocks[0].BlockId}/data.parquet", StringComparison.Ordinal);
        await loop.RunOnceAsync(default);
        Assert.Equal(blocks.Skip(1).Select(static block => block.BlockId), await UploadedAsync());
        Assert.Equal(blocks.Select(static block => block.BlockId), _state.View.Blocks.Select(static block => block.Meta.BlockId).Order());
        Assert.Contains("refused", loop.LastError, StringComparison.Ordinal);

        // It is tried again later each time, and alone.
        await loop.RunOnceAsync(default);
        Assert.Equal(1, service.RefusedCount);
        _time.Advance(TimeSpan.FromSeconds(1));
        await loop.RunOnceAsync(default);
        Assert.Equal(2, service.RefusedCount);
        _time.Advance(TimeSpan.FromSeconds(1));
        await loop.RunOnceAsync(default);
        Assert.Equal(2, service.RefusedCount);
        Assert.NotEmpty(loop.LastError);

        service.Refuses = static _ => false;
        _time.Advance(TimeSpan.FromSeconds(1));
        await loop.RunOnceAsync(default);
        Assert.Equal(blocks.Select(static block => block.BlockId), await UploadedAsync());
        Assert.Empty(loop.LastError);
        Assert.Empty(await _local.ListAsync());
    }

    /// <summary>An outage is not asked about for each of very many blocks; and many broken ones do not pass for one for ever.</summary>
    [Fact]
    public async Task Failures_in_a_row_end_the_round_and_the_next_one_begins_behind_them()
    {
        var blocks = await WriteAsync(8);
        var (loop, service) = Open();
        service.Refuses = key => blocks.Take(7).Any(block => key.EndsWith($"{block.BlockId}/data.parquet", StringComparison.Ordinal));
        await loop.RunOnceAsync(default);
        Assert.Equal(3, service.RefusedCount);
        await loop.RunOnceAsync(default);
        Assert.Equal(6, service.RefusedCount);
        await loop.RunOnceAsync(default);
        Assert.Equal(7, service.RefusedCount);
        Assert.Equal([blocks[7].BlockId], await UploadedAsync());
    }

    /// <summary>It was uploaded by a life before, and another node has compacted it since.</summary>
    [Fact]
    public async Task A_block_that_is_over_already_is_read_and_not_compacted_again()
    {
        var block = Assert.Single(await WriteAsync(1));
        var (loop, service) = Open();
        await service.PutAsync(ObjectKey.Parse($"{block.Tenant}/{block.BlockId}/meta.compacted.json"), block.ToJson(), default);
        await loop.RunOnceAsync(default);
        Assert.Empty(await UploadedAsync());
        Assert.Empty(_state.View.Blocks);
        Assert.Equal([block.BlockId], _state.View.Readable.Select(static handle => handle.Meta.BlockId));
        Assert.Equal([block.BlockId], _state.Recent.All().Select(static meta => meta.BlockId));
    }

    private async Task<List<BlockMeta>> WriteAsync(int count)
    {
        var blocks = new List<BlockMeta>();
        for (var i = 0; i < count; i++)
            blocks.Add(await _local.WriteAsync(new BlockWriterOptions(), MergeTests.Request(i * 5 + 1, i * 5 + 4)));
        blocks.Sort(static (a, b) => a.BlockId.CompareTo(b.BlockId));
        return blocks;
    }

    private (UploadLoop Loop, RefusingStore Service) Open()
    {
        var objects = LocalObjectStore.Open(Path.Combine(_local.Root, "objects"));
        var store = _local.OpenStore(objects);
        var service = new RefusingStore(_service.OpenObjects());
        var blocks = _local.ListAsync().GetAwaiter().GetResult().OrderBy(static meta => meta.BlockId);
        _state.Update(_ => new NodeView([], [.. blocks.Select(meta => new BlockHandle(meta, store))]));
        return (new UploadLoop(_state, new LocalBlocks(objects, store), _service.OpenStore(service), service,
            new UploadMetrics(new MetricRegistry()), Log.Null, _time), service);
    }

    private async Task<IEnumerable<BlockId>> UploadedAsync() => (await _service.ListAsync()).Select(static meta => meta.BlockId).Order();
}
