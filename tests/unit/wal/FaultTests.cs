using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>Each disk call of a piece of work fails once, in each way: no append is acknowledged that a restart does not find.</summary>
public sealed class FaultTests
{
    private const int MaxPayloadBytes = 2500;

    public static TheoryData<DiskError, FaultMoment> Faults
    {
        get
        {
            var faults = new TheoryData<DiskError, FaultMoment>();
            foreach (var error in new[] { DiskError.Full, DiskError.Failed, DiskError.ReadOnly, DiskError.NotPermitted })
                foreach (var moment in Enum.GetValues<FaultMoment>()) faults.Add(error, moment);
            return faults;
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void No_failing_call_makes_a_false_acknowledgement(DiskError error, FaultMoment moment)
    {
        var failing = 0;
        FlakyDisk flaky;
        do
        {
            failing++;
            var disk = new SimDisk();
            flaky = new FlakyDisk(disk, call => call.Number == failing ? new DiskFault(error, moment) : null);
            var promised = Work(flaky);
            Check(disk.Kill(), promised, $"call {failing}, killed");
            for (var seed = 0; seed < 4; seed++) Check(disk.Crash((failing * 4) + seed), promised, $"call {failing}, power cut {seed}");
        }
        while (flaky.Calls >= failing);

        Assert.True(failing > 60, $"the work made only {failing} disk calls");
    }

    [Fact]
    public void Trouble_is_seen_while_it_lasts_and_the_log_goes_on_by_itself()
    {
        var broken = false;
        var flaky = new FlakyDisk(
            new SimDisk(), call => broken && call.Operation == "Sync" ? new DiskFault(DiskError.Failed, FaultMoment.After) : null);
        using var log = TestRecords.Open(flaky, 1);
        Assert.True(TestRecords.Append(log, log.Current, 1, MaxPayloadBytes).IsDurable);
        Assert.Equal("", log.LastError);

        broken = true;
        for (ulong id = 2; id < 5; id++)
        {
            var result = TestRecords.Append(log, log.Current, id, MaxPayloadBytes);
            Assert.Equal(WalStatus.Failed, result.Status);
            Assert.NotEqual("", result.Message);
            Assert.NotEqual("", log.LastError);
        }

        broken = false;
        Assert.True(TestRecords.Append(log, log.Current, 5, MaxPayloadBytes).IsDurable);
        Assert.Equal("", log.LastError);
    }

    [Theory]
    [InlineData("Sync")]
    [InlineData("Write")]
    [InlineData("TryAllocate")]
    public void A_look_again_takes_trouble_back_only_if_the_disk_takes_a_write_and_a_sync(string operation)
    {
        var broken = false;
        var flaky = new FlakyDisk(
            new SimDisk(), call => broken && call.Operation == operation ? new DiskFault(DiskError.Failed, FaultMoment.Before) : null);
        using var log = TestRecords.Open(flaky, 1);
        Assert.True(TestRecords.Append(log, log.Current, 1, MaxPayloadBytes).IsDurable);
        broken = true;
        for (ulong id = 2; log.LastError.Length == 0; id++) TestRecords.Append(log, log.Current, id, MaxPayloadBytes);
        for (var look = 0; look < 3; look++)
        {
            log.CheckAgain();
            Assert.NotEqual("", log.LastError);
        }

        broken = false;
        log.CheckAgain();
        Assert.Equal("", log.LastError);
        Assert.True(TestRecords.Append(log, log.Current, 100, MaxPayloadBytes).IsDurable);
        flaky.TryList("wal", out var names);
        Assert.Single(names, static name => name.StartsWith("spare-", StringComparison.Ordinal));
    }

    [Fact]
    public void A_segment_whose_sync_failed_is_never_trusted_again()
    {
        // The kernel's worst: the failed sync drops the pages, and the next one on the same file would answer well.
        var disk = new SimDisk();
        var log = TestRecords.Open(disk, 1);
        var before = TestRecords.Append(log, log.Current, 1, MaxPayloadBytes);
        disk.LoseNextSync();
        Assert.Equal(WalStatus.Failed, TestRecords.Append(log, log.Current, 2, MaxPayloadBytes).Status);
        var after = TestRecords.Append(log, log.Current, 3, MaxPayloadBytes);
        Assert.True(after.IsDurable);
        Assert.NotEqual(before.SegmentIndex, after.SegmentIndex);

        for (var seed = 0; seed < 50; seed++)
        {
            using var reopened = TestRecords.Open(disk.Crash(seed), 2);
            Assert.Equal([1UL, 3], TestRecords.Replay(Assert.Single(reopened.Recovered), MaxPayloadBytes, out var report));
            Assert.Empty(report.Damage);
        }

        // Nor are its blocks used again.
        var poisoned = log.Current;
        log.Roll();
        Assert.Equal(DiskError.None, log.Release(poisoned));
        disk.TryList("wal", out var names);
        Assert.Equal(2, names.Count(static name => name.StartsWith("spare-", StringComparison.Ordinal)));
        log.Dispose();
    }

    [Fact]
    public void A_full_disk_refuses_and_comes_back_by_itself()
    {
        var disk = new SimDisk { CapacityBytes = 3 * (16 << 10) };
        using var log = TestRecords.Open(disk, 1);
        var generation = log.Current;
        var kept = new List<ulong>();
        ulong id = 0;
        WalResult result;
        while ((result = TestRecords.Append(log, generation, ++id, MaxPayloadBytes)).IsDurable) kept.Add(id);
        Assert.True(result.IsFull);
        Assert.NotEqual("", result.Message);
        Assert.NotEqual("", log.LastError);
        Assert.True(kept.Count > 20);

        // What was acknowledged is there, though the disk is as full as before.
        using (var killed = TestRecords.Open(disk.Kill(), 2))
            Assert.Equal(kept, TestRecords.Replay(Assert.Single(killed.Recovered), MaxPayloadBytes));

        disk.CapacityBytes = long.MaxValue;
        Assert.True(TestRecords.Append(log, generation, ++id, MaxPayloadBytes).IsDurable);
        Assert.Equal("", log.LastError);
    }

    [Fact]
    public void A_full_disk_is_freed_by_a_release()
    {
        var disk = new SimDisk { CapacityBytes = 3 * (16 << 10) };
        using var log = TestRecords.Open(disk, 1);
        var old = log.Current;
        ulong id = 0;
        while (TestRecords.Append(log, old, ++id, MaxPayloadBytes).IsDurable) { }
        var next = log.Roll();
        Assert.True(TestRecords.Append(log, next, ++id, MaxPayloadBytes).IsFull);
        Assert.Equal(DiskError.None, log.Release(old));
        Assert.True(TestRecords.Append(log, next, ++id, MaxPayloadBytes).IsDurable);
    }

    [Fact]
    public void An_unreadable_page_costs_its_records_and_its_file_is_kept()
    {
        var disk = new SimDisk();
        using (var log = TestRecords.Open(disk, 1))
            for (ulong id = 1; id <= 8; id++) Assert.Equal(0u, TestRecords.Append(log, log.Current, id, MaxPayloadBytes).SegmentIndex);

        var bad = new FlakyDisk(disk.Kill(), static call =>
            call.Operation == "Read" && call.Offset < 12288 && call.Offset + call.Length > 8192
                ? new DiskFault(DiskError.Failed, FaultMoment.Before)
                : null);
        using var reopened = TestRecords.Open(bad, 2);
        var recovered = Assert.Single(reopened.Recovered);
        var found = TestRecords.Replay(recovered, MaxPayloadBytes, out var report);
        Assert.Contains(1UL, found);
        Assert.Contains(8UL, found);
        Assert.True(found.Count < 8);
        Assert.Contains(report.Damage, static d => d.Reason.Contains("cannot be read", StringComparison.Ordinal));
        Assert.True(report.CorruptBytes > 0);
        Assert.Equal(DiskError.None, reopened.Release(recovered));
        bad.TryList("wal/quarantine", out var kept);
        Assert.Single(kept);
    }

    private static Promises Work(FlakyDisk disk)
    {
        var promised = new Promises();
        for (var run = 0; run < 2; run++)
        {
            using var log = OpenOrRetry(disk, run);
            foreach (var generation in log.Recovered) promised.Release(log, generation);
            for (var id = (ulong)(run * 100) + 1; id <= (ulong)(run * 100) + 16; id++)
            {
                if (TestRecords.Append(log, log.Current, id, MaxPayloadBytes).IsDurable) promised.Acknowledged[id] = log.Current.Number;
                if (id % 100 != 8) continue;
                var old = log.Current;
                log.Roll();
                promised.Release(log, old);
            }
        }

        return promised;
    }

    // The one failing call may be one of the opening; then a second attempt must do.
    private static WriteAheadLog OpenOrRetry(FlakyDisk disk, int seed)
    {
        try
        {
            return TestRecords.Open(disk, seed, segmentBytes: 8 << 10);
        }
        catch (WalException)
        {
            return TestRecords.Open(disk, seed, segmentBytes: 8 << 10);
        }
    }

    private static void Check(SimDisk disk, Promises promised, string what)
    {
        using var log = TestRecords.Open(disk, 99, segmentBytes: 8 << 10);
        var found = new HashSet<ulong>();
        foreach (var generation in log.Recovered)
        {
            Assert.False(promised.Released.Contains(generation.Number), $"{what}: released generation {generation.Number:x} is back");
            foreach (var id in TestRecords.Replay(generation, MaxPayloadBytes))
                Assert.True(found.Add(id), $"{what}: record {id} came twice");
        }

        foreach (var (id, generation) in promised.Acknowledged)
        {
            if (!promised.ReleaseBegun.Contains(generation)) Assert.True(found.Contains(id), $"{what}: acknowledged record {id} is lost");
        }
    }

    private sealed class Promises
    {
        public Dictionary<ulong, ulong> Acknowledged { get; } = []; // id → generation
        public HashSet<ulong> ReleaseBegun { get; } = [];
        public HashSet<ulong> Released { get; } = [];

        public void Release(WriteAheadLog log, WalGeneration generation)
        {
            // Begun: what was in it may be gone. Answered well: it must not come back.
            ReleaseBegun.Add(generation.Number);
            if (log.Release(generation) == DiskError.None) Released.Add(generation.Number);
        }
    }
}
