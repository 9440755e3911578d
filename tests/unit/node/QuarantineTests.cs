using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Node.Tests;

/// <summary>A block that cannot be read whole is left out of compaction, and that outlives the process.</summary>
public sealed class QuarantineTests
{
    [Fact]
    public async Task It_is_left_out_over_a_restart_until_somebody_deletes_the_mark()
    {
        using var folder = BlockFolder.Create();
        var blocks = new List<BlockMeta>();
        for (var i = 0; i < 3; i++) blocks.Add(await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(i * 5 + 1, i * 5 + 6)));
        var data = folder.PathOf(blocks[1].BlockId, "data.parquet");
        var sound = await File.ReadAllBytesAsync(data, TestContext.Current.CancellationToken);
        var damaged = sound.ToArray();
        damaged[200] ^= 1;
        await File.WriteAllBytesAsync(data, damaged, TestContext.Current.CancellationToken);

        var running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.Equal(2, running.Blocks.Count());
        Assert.Contains(blocks[1].BlockId, running.Blocks);
        var mark = folder.PathOf(blocks[1].BlockId, "quarantine.json");
        Assert.Contains(
            "\"reason\":\"block ", await File.ReadAllTextAsync(mark, TestContext.Current.CancellationToken), StringComparison.Ordinal);

        // Mended, but nobody said so: not read again.
        await File.WriteAllBytesAsync(data, sound, TestContext.Current.CancellationToken);
        running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.Contains(blocks[1].BlockId, running.Blocks);
        Assert.Contains("tempodb_compaction_quarantined_blocks 1\n", running.MetricsText, StringComparison.Ordinal);

        File.Delete(mark);
        running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.DoesNotContain(blocks[1].BlockId, running.Blocks);
    }
}
