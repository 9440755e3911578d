using Tempo.Engine.Node;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Node.Tests;

/// <summary>When blocks go, and what keeps them. Files are of now; the clock is the test's.</summary>
public sealed class RetentionTests : IDisposable
{
    private static readonly NodeOptions Options =
        new() { BlockRetention = TimeSpan.FromHours(100), CompactedBlockRetention = TimeSpan.FromHours(1) };
    private readonly BlockFolder _folder = BlockFolder.Create(Options);
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_block_is_marked_when_it_expires_and_deleted_an_hour_later()
    {
        var block = await WriteAsync(hoursOld: 99);
        SetAge(block, hours: 101);
        var running = await StartAsync();

        await running.RunOnceAsync();
        Assert.Equal("listed", StateOf(block));
        Assert.Contains("tempodb_compaction_outstanding_blocks{tenant=", running.MetricsText, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal("marked", StateOf(block));
        Assert.Empty(running.Blocks);
        Assert.DoesNotContain("tempodb_compaction_outstanding_blocks{", running.MetricsText, StringComparison.Ordinal); // nor its tenant
        _time.Advance(TimeSpan.FromMinutes(59));
        await running.RunOnceAsync();
        Assert.Equal("marked", StateOf(block));
        _time.Advance(TimeSpan.FromMinutes(6));
        await running.RunOnceAsync();
        Assert.Equal("gone", StateOf(block));
        Assert.Contains("tempodb_retention_marked_for_deletion_total 1\n", running.MetricsText, StringComparison.Ordinal);
        Assert.Contains("tempodb_retention_deleted_total 1\n", running.MetricsText, StringComparison.Ordinal);
    }

    /// <summary>A sender whose clock is wrong: the spans are old, the block is not.</summary>
    [Fact]
    public async Task A_block_that_was_written_lately_stays_however_old_its_spans_are()
    {
        var block = await WriteAsync(hoursOld: 5000);
        var running = await StartAsync();
        await running.RunOnceAsync();
        _time.Advance(TimeSpan.FromHours(99));
        await running.RunOnceAsync();
        Assert.Equal("listed", StateOf(block));
        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal("marked", StateOf(block));
    }

    [Fact]
    public async Task A_clock_that_jumps_takes_nothing_with_it()
    {
        var listed = await WriteAsync(hoursOld: 1);
        var marked = await WriteAsync(hoursOld: 1);
        Mark(marked);
        var running = await StartAsync();
        _time.Jump(TimeSpan.FromDays(365));
        await running.RunOnceAsync();
        _time.Advance(TimeSpan.FromMinutes(30));
        await running.RunOnceAsync();
        Assert.Equal(("listed", "marked"), (StateOf(listed), StateOf(marked)));
        _time.Jump(TimeSpan.FromDays(-730));
        await running.RunOnceAsync();
        Assert.Equal(("listed", "marked"), (StateOf(listed), StateOf(marked)));
    }

    [Fact]
    public async Task A_block_is_kept_for_ever_without_a_retention()
    {
        using var folder = BlockFolder.Create(new NodeOptions { BlockRetention = TimeSpan.Zero });
        var block = await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 3));
        var running = await folder.StartAsync(folder.OpenObjects(), _time);
        _time.Advance(TimeSpan.FromDays(36500));
        await running.RunOnceAsync();
        Assert.Equal(block.BlockId, Assert.Single(running.Blocks));
    }

    [Fact]
    public async Task A_block_that_a_query_still_reads_is_not_deleted()
    {
        var block = await WriteAsync(hoursOld: 1);
        var running = await StartAsync();
        var query = running.State.Acquire();
        running.State.Update(static view => view with { Blocks = [] });
        Mark(block);
        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal("marked", StateOf(block));
        using (await query.View.Blocks[0].OpenAsync(default)) Assert.False(query.View.Blocks[0].IsClosed);

        query.Dispose();
        Assert.True(query.View.Blocks[0].IsClosed);
        _time.Advance(TimeSpan.FromHours(1));
        await running.RunOnceAsync();
        Assert.Equal("gone", StateOf(block));
    }

    [Fact]
    public async Task What_a_cut_off_write_left_goes_after_a_day()
    {
        var block = await WriteAsync(hoursOld: 1);
        File.Delete(_folder.PathOf(block.BlockId, "meta.json"));
        var foreign = Path.Combine(_folder.TenantPath, "notes");
        Directory.CreateDirectory(foreign);
        await File.WriteAllTextAsync(Path.Combine(foreign, "mine.txt"), "stays");
        var running = await StartAsync();
        _time.Advance(TimeSpan.FromHours(23));
        await running.RunOnceAsync();
        Assert.True(Directory.Exists(_folder.PathOf(block.BlockId)));
        _time.Advance(TimeSpan.FromHours(2));
        await running.RunOnceAsync();
        Assert.Equal("gone", StateOf(block));
        Assert.True(Directory.Exists(foreign));
    }

    private Task<RunningCompaction> StartAsync() => _folder.StartAsync(_folder.OpenObjects(), _time);

    private Task<BlockMeta> WriteAsync(int hoursOld) =>
        _folder.WriteAsync(new BlockWriterOptions(),
            MergeTests.Request(1, 4, (ulong)_time.GetUtcNow().AddHours(-hoursOld).ToUnixTimeSeconds() * 1_000_000_000));

    private void SetAge(BlockMeta block, int hours) =>
        File.SetLastWriteTimeUtc(_folder.PathOf(block.BlockId, "meta.json"), _time.GetUtcNow().UtcDateTime.AddHours(-hours));

    // As Tempo's local store does.
    private void Mark(BlockMeta block)
    {
        File.Move(_folder.PathOf(block.BlockId, "meta.json"), _folder.PathOf(block.BlockId, "meta.compacted.json"));
    }

    private string StateOf(BlockMeta block) =>
        File.Exists(_folder.PathOf(block.BlockId, "meta.json")) ? "listed"
        : File.Exists(_folder.PathOf(block.BlockId, "meta.compacted.json")) ? "marked"
        : Directory.Exists(_folder.PathOf(block.BlockId)) ? "in parts" : "gone";
}
