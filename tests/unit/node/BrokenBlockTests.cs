using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Node.Tests;

/// <summary>
/// A block that cannot be retired, marked or deleted is one block: all others are compacted and go when their time is over.
/// </summary>
public sealed class BrokenBlockTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly NodeOptions Options =
        new() { BlockRetention = TimeSpan.FromHours(100), CompactedBlockRetention = TimeSpan.FromHours(1) };
    private readonly BlockFolder _folder = BlockFolder.Create(Options);
    private readonly ManualTime _time = new(Now);

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// A damaged meta.json is no reason to stay: neither for inputs that a merge before a crash left, nor for those of a merge now.
    /// </summary>
    [Theory]
    [InlineData("", true)]
    [InlineData("no JSON", true)]
    [InlineData("[]", false)]
    [InlineData("{\"blockID\":", false)]
    public async Task An_input_with_a_damaged_meta_is_retired(string json, bool isCutOff)
    {
        BlockMeta[] inputs = [await WriteAsync(1, hoursOld: 1), await WriteAsync(4, hoursOld: 1)];
        var expired = await WriteExpiredAsync();
        if (isCutOff) await MergeAsync(inputs);
        var running = await _folder.StartAsync(_folder.OpenObjects(), _time);
        await File.WriteAllTextAsync(_folder.PathOf(inputs[0].BlockId, "meta.json"), json, TestContext.Current.CancellationToken);

        await running.RunOnceAsync();
        Assert.Equal(["marked", "marked", "marked"], [StateOf(inputs[0]), StateOf(inputs[1]), StateOf(expired)]);
        Assert.Single(running.Blocks);
        Assert.Empty(running.State.View.Quarantined);
        Assert.Empty(running.Loop.LastError);
        var marked = await new CompactedBlocks(_folder.OpenObjects(), new SteadyClock(_time)).ListAsync(TenantId.Single, default);
        Assert.Contains(inputs[0] with { Checksums = null }, marked.Select(static block => block.Meta with { Checksums = null }));

        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal(["gone", "gone", "gone"], [StateOf(inputs[0]), StateOf(inputs[1]), StateOf(expired)]);
    }

    [Fact]
    public async Task A_block_that_cannot_be_settled_keeps_nobody_waiting()
    {
        BlockMeta[] inputs = [await WriteAsync(1, hoursOld: 1), await WriteAsync(4, hoursOld: 1)];
        var output = await MergeAsync(inputs);
        BlockMeta[] others = [await WriteAsync(20, hoursOld: 1), await WriteAsync(24, hoursOld: 1)];
        var expired = await WriteExpiredAsync();
        var objects = new RefusingStore(_folder.OpenObjects());
        var running = await _folder.StartAsync(objects, _time);
        objects.Refuses = key => key.EndsWith($"{inputs[0].BlockId}/meta.compacted.json", StringComparison.Ordinal);

        await running.RunOnceAsync();
        Assert.Equal("marked", StateOf(expired));
        Assert.Equal(["marked", "marked"], others.Select(StateOf));
        Assert.Equal(2, running.Blocks.Count()); // the output waits with others of its level until its inputs are retired
        Assert.Contains(output.BlockId, running.Blocks);
        Assert.Contains("refused", running.Loop.LastError, StringComparison.Ordinal);

        objects.Refuses = static _ => false;
        await running.RunOnceAsync();
        Assert.Equal(["marked", "marked"], inputs.Select(StateOf));
        Assert.Empty(running.Loop.LastError);
    }

    [Theory]
    [InlineData("meta.json")] // cannot be asked how old it is
    [InlineData("meta.compacted.json")] // cannot be marked
    public async Task A_block_that_cannot_be_marked_stays_alone(string name)
    {
        var broken = await WriteExpiredAsync();
        var sound = await WriteExpiredAsync();
        var objects = new RefusingStore(_folder.OpenObjects());
        var running = await _folder.StartAsync(objects, _time);
        objects.Refuses = key => key.EndsWith($"{broken.BlockId}/{name}", StringComparison.Ordinal);
        await running.RunOnceAsync();
        Assert.Equal(("listed", "marked"), (StateOf(broken), StateOf(sound)));
        Assert.Contains(broken.BlockId, running.Blocks);
        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal(("listed", "gone"), (StateOf(broken), StateOf(sound)));
    }

    [Fact]
    public async Task A_block_that_cannot_be_deleted_stays_alone()
    {
        BlockMeta[] blocks = [await WriteExpiredAsync(), await WriteExpiredAsync(), await WriteExpiredAsync()];
        var objects = new RefusingStore(_folder.OpenObjects());
        var running = await _folder.StartAsync(objects, _time);
        await running.RunOnceAsync();
        objects.Refuses = key => key.EndsWith($"{blocks[1].BlockId}/data.parquet", StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal(["gone", "marked", "gone"], blocks.Select(StateOf));
        Assert.Contains("tempodb_retention_errors_total 1\n", running.MetricsText, StringComparison.Ordinal);
    }

    private Task<BlockMeta> WriteAsync(int firstTrace, int hoursOld) =>
        _folder.WriteAsync(new BlockWriterOptions(),
            MergeTests.Request(firstTrace, firstTrace + 6, (ulong)Now.AddHours(-hoursOld).ToUnixTimeSeconds() * 1_000_000_000));

    private async Task<BlockMeta> WriteExpiredAsync()
    {
        var block = await WriteAsync(1000, hoursOld: 200);
        File.SetLastWriteTimeUtc(_folder.PathOf(block.BlockId, "meta.json"), Now.UtcDateTime.AddHours(-190));
        return block;
    }

    // As far as a process came that ended before it could retire them.
    private async Task<BlockMeta> MergeAsync(BlockMeta[] inputs)
    {
        var objects = _folder.OpenObjects();
        var merged = await BlockFolder.Compactor(objects, _folder.OpenStore(objects), new BlockWriterOptions())
            .MergeAsync(new CompactionJob(inputs), default);
        return merged.Output!;
    }

    private string StateOf(BlockMeta block) =>
        File.Exists(_folder.PathOf(block.BlockId, "meta.json")) ? "listed"
        : File.Exists(_folder.PathOf(block.BlockId, "meta.compacted.json")) ? "marked"
        : Directory.Exists(_folder.PathOf(block.BlockId)) ? "in parts" : "gone";
}
