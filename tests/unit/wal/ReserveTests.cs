using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>The log leaves the space that its own data need to become blocks.</summary>
public sealed class ReserveTests
{
    private const int MaxPayloadBytes = 2500;
    private const long SegmentBytes = 64 << 10;
    private const long ReserveBytes = 16 << 10;

    private static WriteAheadLog Open(IDisk disk) => WriteAheadLog.Open(
        disk, "wal", new WalOptions
        {
            SegmentBytes = SegmentBytes,
            OwnCommitThread = false,
            ReserveBytes = ReserveBytes,
            Place = "/data/wal"
        }, new MetricRegistry());

    [Fact]
    public void Appends_are_refused_while_a_cut_still_finds_the_space_it_needs()
    {
        var disk = new SimDisk { CapacityBytes = 5 * SegmentBytes };
        using var log = Open(disk);
        ulong id = 0;
        long logged = 0;
        WalResult result;
        while ((result = TestRecords.Append(log, log.Current, ++id, MaxPayloadBytes)).IsDurable)
            logged += TestRecords.Payload(id, MaxPayloadBytes).Length;
        Assert.True(result.IsFull);
        Assert.True(log.IsFull && log.IsShort);
        log.MakeRoom();
        var free = disk.CapacityBytes - disk.UsedBytes;
        Assert.True(free >= logged + ReserveBytes, $"{free} bytes are free, {logged} are logged");
        foreach (var part in new[] { "/data/wal", "bytes free", $"reserve_bytes, {ReserveBytes}" })
            Assert.Contains(part, result.Message, StringComparison.Ordinal);
        Assert.Equal(log.DiskFreeBytes, free);
        Assert.InRange(log.DiskKeptBytes, logged + ReserveBytes, free);

        // Nearly all that could be had was used: the disk is not refused at its half.
        Assert.True(logged > 3 * SegmentBytes / 2, $"only {logged} bytes were logged");
    }

    /// <summary>Blocks of a part of the log's size fill the disk little by little, and never so that one finds no space.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(50)]
    [InlineData(100)]
    public void Every_cut_finds_space_until_the_disk_is_full_of_blocks(int percent)
    {
        var disk = new SimDisk { CapacityBytes = 20 * SegmentBytes };
        var log = Open(disk);
        ulong id = 0;
        long blocks = 0, logged = 0;
        for (var cut = 0; ; cut++)
        {
            logged = 0;
            while (logged < 3 * SegmentBytes / 2 && TestRecords.Append(log, log.Current, ++id, MaxPayloadBytes).IsDurable)
                logged += TestRecords.Payload(id, MaxPayloadBytes).Length;
            if (logged == 0) break;
            var old = log.Current;
            log.Roll();
            log.MakeRoom();
            var block = logged * percent / 100;
            Assert.True(disk.TryAllocate($"block-{cut}", block, out var file) == DiskError.None,
                $"cut {cut}: no space for {block} bytes, {disk.CapacityBytes - disk.UsedBytes} are free");
            file!.Dispose();
            blocks += block;
            Assert.Equal(DiskError.None, log.Release(old));
        }

        Assert.True(blocks > disk.CapacityBytes * 8 / 10, $"refused with {blocks} of {disk.CapacityBytes} bytes in blocks");

        // With room it goes on by itself, with segments of the common size and spares, after a restart too.
        Assert.Equal(DiskError.None, disk.TryDelete("block-0"));
        disk.CapacityBytes *= 2;
        Assert.True(TestRecords.Append(log, log.Current, ++id, MaxPayloadBytes).IsDurable);
        Assert.False(log.IsFull || log.IsShort);
        Assert.Equal("", log.LastError);
        log.Dispose();
        using var reopened = Open(disk.Kill());
        Assert.Equal([id], TestRecords.Replay(Assert.Single(reopened.Recovered), MaxPayloadBytes));
    }

    [Fact]
    public void Spares_are_given_up_for_a_cut()
    {
        var disk = new SimDisk();
        using var log = Open(disk);
        Assert.True(TestRecords.Append(log, log.Current, 1, MaxPayloadBytes).IsDurable);
        disk.TryList("wal", out var names);
        Assert.Contains(names, static name => name.StartsWith("spare-", StringComparison.Ordinal));
        log.MakeRoom();
        disk.TryList("wal", out var same);
        Assert.Equal(names, same);

        disk.CapacityBytes = disk.UsedBytes + 1000; // somebody else took the rest
        log.MakeRoom();
        disk.TryList("wal", out names);
        Assert.DoesNotContain(names, static name => name.StartsWith("spare-", StringComparison.Ordinal));
    }

    /// <summary>Names of later epochs than the folder's, a folder, a pipe: none of them keeps the log from opening.</summary>
    [Fact]
    public void Names_that_cannot_be_the_logs_own_are_left_alone()
    {
        var folder = Directory.CreateTempSubdirectory("tempo-wal-").FullName;
        try
        {
            using (var log =
                WriteAheadLog.Open(new PosixDisk(folder), "", new WalOptions { SegmentBytes = SegmentBytes }, new MetricRegistry())) { }
            string[] strays = ["ffffffffffffffff-00000000.wal", "0000000900000001-00000000.wal"];
            foreach (var name in strays) File.WriteAllText(Path.Combine(folder, name), "junk");
            Directory.CreateDirectory(Path.Combine(folder, "0000000100000007-00000000.wal"));
            using (var pipe = System.Diagnostics.Process.Start("mkfifo", Path.Combine(folder, "0000000100000008-00000000.wal")))
                pipe.WaitForExit();

            using var reopened =
                WriteAheadLog.Open(new PosixDisk(folder), "", new WalOptions { SegmentBytes = SegmentBytes }, new MetricRegistry());
            Assert.Equal(strays.Order(StringComparer.Ordinal), reopened.Strays.Order(StringComparer.Ordinal));
            Assert.Equal(2, reopened.Recovered.Count);
            foreach (var generation in reopened.Recovered)
            {
                Assert.Empty(TestRecords.Replay(generation, MaxPayloadBytes, out var report));
                Assert.Contains("cannot be opened", Assert.Single(report.Damage).Reason, StringComparison.Ordinal);
                Assert.Equal(DiskError.None, reopened.Release(generation));
            }

            foreach (var name in strays) Assert.Equal("junk", File.ReadAllText(Path.Combine(folder, name)));
            Assert.True(Directory.Exists(Path.Combine(folder, "quarantine", "0000000100000007-00000000.wal")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
