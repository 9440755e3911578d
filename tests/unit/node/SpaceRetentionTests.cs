using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Node.Tests;

/// <summary>
/// Blocks go when there are too many bytes of them, or the disk is too full; and the flag that keeps a block from compaction.
/// </summary>
public sealed class SpaceRetentionTests
{
    /// <summary>A block is its tenant, its end and its bytes.</summary>
    [Theory]
    [InlineData("as much as there may be", 100, "a1:50 a2:50", "")]
    [InlineData("the oldest goes", 100, "a1:50 a2:50 a3:1", "a1")]
    [InlineData("as many as must", 100, "a3:60 a1:50 a2:40", "a1")]
    [InlineData("and no more", 70, "a1:50 a2:40 a3:30", "a1")]
    [InlineData("nothing may stay", 0, "a1:50 b2:1", "a1 b2")]
    [InlineData("less than nothing", -5, "a1:50", "a1")]
    [InlineData("who has little keeps it though it is older", 100, "a1:20 b2:50 b3:50", "b2")]
    [InlineData("the oldest of those with too much", 90, "a2:60 b1:60 c3:5", "b1")]
    [InlineData("a share that is not used is for the others", 100, "a1:10 b2:45 b3:45", "")]
    [InlineData("down to the share and then the others", 60, "a1:40 a2:40 b3:40 b4:40", "a1 a2 b3")]
    public void The_oldest_go_of_those_who_have_more_than_their_share(string why, long keep, string blocks, string expected)
    {
        var names = new Dictionary<BlockId, string>();
        var metas = blocks.Split(' ').Select(text => Parse(text, names)).ToList();
        foreach (var order in new[] { metas, [.. Enumerable.Reverse(metas)] })
        {
            var gone = string.Join(' ', SpaceRetention.Choose(order, keep, static _ => 0).Select(block => names[block.BlockId]));
            Assert.True(expected == gone, $"{why}: '{gone}' instead of '{expected}'");
        }
    }

    [Theory]
    [InlineData("nobody has a limit", "b:0", 200, "a1:50 b2:60 b3:60", "")]
    [InlineData("its oldest goes, older ones of others stay", "b:100", 200, "a1:50 b2:60 b3:60", "b2")]
    [InlineData("as much as it may have", "b:120", 200, "a1:50 b2:60 b3:60", "")]
    [InlineData("first its own limit, then the store's", "b:60", 100, "a1:50 b2:60 b3:60 a4:30", "b2 a1")]
    [InlineData("one block that is too large", "b:10", 200, "b2:60", "b2")]
    public void The_oldest_go_of_who_has_more_than_its_own_limit(string why, string limit, long keep, string blocks, string expected)
    {
        var names = new Dictionary<BlockId, string>();
        var metas = blocks.Split(' ').Select(text => Parse(text, names)).ToList();
        var bytes = long.Parse(limit.AsSpan(2), CultureInfo.InvariantCulture);
        var gone = string.Join(
            ' ', SpaceRetention.Choose(metas, keep, tenant => tenant.Value == limit[..1] ? bytes : 0)
                .Select(block => names[block.BlockId]));
        Assert.True(expected == gone, $"{why}: '{gone}' instead of '{expected}'");
    }

    [Fact]
    public async Task A_tenants_own_bytes_are_in_its_overrides()
    {
        using var folder = BlockFolder.Create();
        await WriteAsync(folder, hoursOld: 30);
        var recent = await WriteAsync(folder, hoursOld: 1);
        var limits = TenantLimits.BuiltIn with { Compaction = TenantLimits.BuiltIn.Compaction with { MaxBytes = recent.SizeBytes } };
        using var limited = Limited(folder, new NodeOptions { Overrides = new TenantOverrides(limits) });
        var running = await limited.StartAsync(limited.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.Equal(recent.BlockId, Assert.Single(running.Blocks));
    }

    [Fact]
    public async Task Beyond_the_bytes_the_oldest_blocks_are_deleted_at_once()
    {
        using var folder = BlockFolder.Create();
        var old = await WriteAsync(folder, hoursOld: 30);
        var recent = await WriteAsync(folder, hoursOld: 1);
        using var limited = Limited(folder, new NodeOptions { MaxRetainedBytes = recent.SizeBytes });
        var running = await limited.StartAsync(limited.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.Equal(recent.BlockId, Assert.Single(running.Blocks));
        Assert.False(Directory.Exists(limited.PathOf(old.BlockId)));
        Assert.Contains("tempodb_retention_marked_for_deletion_total 1\n", running.MetricsText, StringComparison.Ordinal);
    }

    /// <summary>Compaction leaves the space alone that cuts need, and gives back at once what it no longer needs itself.</summary>
    [Fact]
    public async Task Where_the_disk_is_short_nothing_is_compacted()
    {
        using var folder = BlockFolder.Create();
        var blocks = new[] { await WriteAsync(folder, hoursOld: 1), await WriteAsync(folder, hoursOld: 1) };
        var needed = blocks.Sum(static block => block.SizeBytes);
        var spare = needed - 1;
        var running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow), spareBytes: () => spare);
        await running.RunOnceAsync();
        Assert.Equal(blocks.Select(static block => block.BlockId).Order(), running.Blocks.Order());

        spare = needed;
        await running.RunOnceAsync();
        Assert.DoesNotContain(Assert.Single(running.Blocks), blocks.Select(static block => block.BlockId));
    }

    /// <summary>What is read is only marked, and deleted when the query has ended, before its time.</summary>
    [Fact]
    public async Task A_block_that_is_read_is_deleted_when_it_is_not_read_any_more()
    {
        using var folder = BlockFolder.Create();
        var block = await WriteAsync(folder, hoursOld: 30);
        using var limited = Limited(folder, new NodeOptions { MaxRetainedBytes = 1 });
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var running = await limited.StartAsync(limited.OpenObjects(), time);
        var query = running.State.Acquire();
        await running.RunOnceAsync();
        Assert.True(File.Exists(limited.PathOf(block.BlockId, "meta.compacted.json")));
        query.Dispose();
        time.Advance(TimeSpan.FromMinutes(20));
        await running.RunOnceAsync();
        Assert.False(Directory.Exists(limited.PathOf(block.BlockId)));
    }

    [Fact]
    public async Task On_a_full_disk_marked_blocks_go_before_others()
    {
        using var folder = BlockFolder.Create();
        var marked = await WriteAsync(folder, hoursOld: 1);
        File.Move(folder.PathOf(marked.BlockId, "meta.json"), folder.PathOf(marked.BlockId, "meta.compacted.json"));
        var old = await WriteAsync(folder, hoursOld: 30);
        var recent = await WriteAsync(folder, hoursOld: 2);
        using var limited = Limited(folder, new NodeOptions { MaxDiskShare = 0.75 });
        var objects = new CrashingStore(limited.OpenObjects(), afterTheWork: false);
        var disk = new Disk(objects.LocalObjects!) { Space = new DiskSpace(1000, 251) };
        objects.LocalObjects = disk;
        var running = await limited.StartAsync(objects, new ManualTime(DateTimeOffset.UtcNow));

        await running.RunOnceAsync();
        Assert.Equal(3, Directory.GetDirectories(limited.TenantPath).Length);

        // Deleting what is marked is enough.
        disk.Space = new DiskSpace(1000, 249);
        disk.AfterDeletion = (() => !Directory.Exists(limited.PathOf(marked.BlockId)), new DiskSpace(1000, 260));
        await running.RunOnceAsync();
        Assert.Equal(2, running.Blocks.Count());
        Assert.False(Directory.Exists(limited.PathOf(marked.BlockId)));

        // Nothing is marked now: the oldest block goes.
        disk.AfterDeletion = null;
        disk.Space = new DiskSpace(1000, 249);
        await running.RunOnceAsync();
        Assert.Equal(recent.BlockId, Assert.Single(running.Blocks));
        Assert.False(Directory.Exists(limited.PathOf(old.BlockId)));
    }

    [Fact]
    public async Task A_tenant_has_its_own_retention()
    {
        using var folder = BlockFolder.Create();
        var block = await WriteAsync(folder, hoursOld: 30);
        File.SetLastWriteTimeUtc(folder.PathOf(block.BlockId, "meta.json"), DateTime.UtcNow.AddHours(-30));
        var overrides = new TenantOverrides();
        overrides.ReplaceFile(Own(new CompactionLimits { BlockRetention = TimeSpan.FromHours(48) }));
        using var limited = Limited(folder, new NodeOptions { BlockRetention = TimeSpan.FromHours(20), Overrides = overrides });
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var running = await limited.StartAsync(limited.OpenObjects(), time);
        await running.RunOnceAsync();
        Assert.Single(running.Blocks);
        overrides.ReplaceFile(Own(new CompactionLimits()));
        time.Advance(TimeSpan.FromMinutes(20));
        await running.RunOnceAsync();
        Assert.Empty(running.Blocks);
    }

    /// <summary>A tenant's own window brings blocks together that the common one keeps apart, and compaction may be off for it.</summary>
    [Fact]
    public async Task A_tenant_has_its_own_window_and_may_have_no_compaction()
    {
        var overrides = new TenantOverrides();
        overrides.ReplaceFile(Own(new CompactionLimits { IsCompactionDisabled = true, CompactionWindow = TimeSpan.FromHours(10_000) }));
        using var folder = BlockFolder.Create(new NodeOptions { Overrides = overrides });
        await WriteAsync(folder, hoursOld: 100);
        await WriteAsync(folder, hoursOld: 50);
        var running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.Equal(2, running.Blocks.Count());
        overrides.ReplaceFile(Own(new CompactionLimits()));
        await running.RunOnceAsync();
        Assert.Equal(2, running.Blocks.Count());
        overrides.ReplaceFile(Own(new CompactionLimits { CompactionWindow = TimeSpan.FromHours(1_000_000) }));
        await running.RunOnceAsync();
        Assert.Single(running.Blocks);
    }

    private static Dictionary<string, TenantLimits> Own(CompactionLimits limits) =>
        new() { [TenantId.Single.Value] = TenantLimits.BuiltIn with { Compaction = limits } };

    [Fact]
    public async Task A_block_with_the_flag_is_not_compacted_until_it_is_gone()
    {
        using var folder = BlockFolder.Create();
        var blocks = new List<BlockMeta>();
        for (var i = 0; i < 3; i++) blocks.Add(await WriteAsync(folder, hoursOld: 100));
        var flag = folder.PathOf(blocks[1].BlockId, "nocompact.flg");
        await File.WriteAllTextAsync(flag, "");
        var running = await folder.StartAsync(folder.OpenObjects(), new ManualTime(DateTimeOffset.UtcNow));
        await running.RunOnceAsync();
        Assert.Equal(2, running.Blocks.Count());
        Assert.Contains(blocks[1].BlockId, running.Blocks);
        File.Delete(flag);
        await running.RunOnceAsync();
        Assert.Single(running.Blocks);
    }

    private static BlockFolder Limited(BlockFolder folder, NodeOptions options) => folder.Copy(options);

    private static Task<BlockMeta> WriteAsync(BlockFolder folder, int hoursOld) =>
        folder.WriteAsync(new BlockWriterOptions(),
            MergeTests.Request(1, 4, (ulong)DateTimeOffset.UtcNow.AddHours(-hoursOld).ToUnixTimeSeconds() * 1_000_000_000));

    private static BlockMeta Parse(string text, Dictionary<BlockId, string> names)
    {
        var parts = text[1..].Split(':');
        var end = long.Parse(parts[0], CultureInfo.InvariantCulture);
        var block = new BlockMeta
        {
            BlockId = BlockId.Derive(text[0], (ulong)end),
            Tenant = TenantId.TryParse(text[..1], out var tenant, out _) ? tenant : throw new ArgumentException(text, nameof(text)),
            StartSeconds = 0,
            EndSeconds = end,
            TotalObjects = 1,
            SizeBytes = long.Parse(parts[1], CultureInfo.InvariantCulture),
            RowGroupCount = 1,
            BloomShardCount = 1,
            FooterSizeBytes = 1,
        };
        names.Add(block.BlockId, text[..1] + parts[0]);
        return block;
    }

    /// <summary>A disk of any size.</summary>
    private sealed class Disk(ILocalObjects inner) : ILocalObjects
    {
        private DiskSpace? _space;

        public (Func<bool> IsDone, DiskSpace Space)? AfterDeletion { get; set; }

        public DiskSpace? Space
        {
            get => AfterDeletion is { } after && after.IsDone() ? after.Space : _space;
            set => _space = value;
        }

        public LocalObject? TryOpen(ObjectKey key) => inner.TryOpen(key);
    }
}
