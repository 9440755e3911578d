using Tempo.Engine.Foundation;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>The simulated disk must be able to lose things, or the crash tests prove nothing.</summary>
public sealed unsafe class SimDiskTests
{
    [Fact]
    public void Unsynced_sectors_and_names_may_be_lost_each_on_its_own()
    {
        var disk = new SimDisk();
        Assert.Equal(DiskError.None, disk.TryAllocate("synced", 2048, out var file));
        Fill(file!, 0, 2048, 1);
        Assert.Equal(DiskError.None, file!.Sync());
        Assert.Equal(DiskError.None, disk.SyncFolder(""));
        Fill(file, 0, 1024, 2);
        Fill(file, 0, 1024, 3);
        Assert.Equal(DiskError.None, disk.TryAllocate("new", 1, out _));

        var sectors = new HashSet<(byte, byte)>();
        var names = new HashSet<bool>();
        for (var seed = 0; seed < 200; seed++)
        {
            var crashed = disk.Crash(seed);
            var left = crashed.ReadAll("synced");
            Assert.True(left.AsSpan(1024).IndexOfAnyExcept((byte)1) < 0, "synced bytes were lost");
            Assert.True(left.AsSpan(0, 512).IndexOfAnyExcept(left[0]) < 0, "a sector was torn");
            sectors.Add((left[0], left[512]));
            names.Add(crashed.TryOpen("new", false, out _) == DiskError.None);
        }

        Assert.Equal(9, sectors.Count);
        Assert.Equal(2, names.Count);
        Assert.Equal(3, disk.Kill().ReadAll("synced")[0]);
    }

    [Fact]
    public void A_lost_sync_is_not_made_good_by_the_next()
    {
        var disk = new SimDisk();
        disk.TryAllocate("f", 512, out var file);
        disk.SyncFolder("");
        file!.Sync();
        Fill(file, 0, 512, 1);
        disk.LoseNextSync();
        Assert.Equal(DiskError.Failed, file.Sync());
        Assert.Equal(DiskError.None, file.Sync());
        Assert.Equal(1, disk.ReadAll("f")[0]);
        for (var seed = 0; seed < 20; seed++) Assert.Equal(0, disk.Crash(seed).ReadAll("f")[0]);
    }

    private static void Fill(IDiskFile file, long offset, int count, byte value)
    {
        var bytes = new byte[count];
        bytes.AsSpan().Fill(value);
        fixed (byte* p = bytes) Assert.Equal(DiskError.None, file.Write([new IoSlice(p, count)], offset));
    }
}
