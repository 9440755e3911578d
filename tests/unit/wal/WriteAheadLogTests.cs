using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

public sealed class WriteAheadLogTests : IDisposable
{
    private const int MaxPayloadBytes = 2000;
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-wal-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Appends_from_many_threads_are_found_again_on_the_real_disk()
    {
        const int Producers = 4, PerProducer = 500;
        var options = new WalOptions { SegmentBytes = 256 << 10 };
        using (var log = WriteAheadLog.Open(new PosixDisk(_folder), "", options, new MetricRegistry()))
        {
            await Task.WhenAll(Enumerable.Range(0, Producers).Select(p => Task.Run(async () =>
            {
                for (var i = 1; i <= PerProducer; i++)
                {
                    var id = (ulong)((p * PerProducer) + i);
                    using var buffer = TestRecords.Buffer(id, MaxPayloadBytes);
                    var result = await log.AppendAsync(log.Current, TestRecords.TenantOf(id), buffer);
                    Assert.True(result.IsDurable, result.Message);
                    if (i == PerProducer / 2 && p == 0) log.Roll();
                }
            })));
        }

        using var reopened = WriteAheadLog.Open(new PosixDisk(_folder), "", options, new MetricRegistry());
        Assert.Equal(2, reopened.Recovered.Count);
        var found = new List<ulong>();
        foreach (var generation in reopened.Recovered)
        {
            Assert.Equal(TestRecords.Tenants.ToHashSet(), generation.Tenants().ToHashSet());
            found.AddRange(TestRecords.Replay(generation, MaxPayloadBytes, out var report));
            Assert.Empty(report.Damage);
            Assert.Equal(DiskError.None, reopened.Release(generation));
        }

        Assert.Equal(Enumerable.Range(1, Producers * PerProducer).Select(static i => (ulong)i), found.Order());
    }

    [Fact]
    public void A_second_opener_is_refused_until_the_first_has_gone()
    {
        using (WriteAheadLog.Open(new PosixDisk(_folder), "wal", new WalOptions { SegmentBytes = 16 << 10 }, new MetricRegistry()))
        {
            var refusal = Assert.Throws<WalException>(
                () => WriteAheadLog.Open(new PosixDisk(_folder), "wal", new WalOptions(), new MetricRegistry()));
            Assert.Contains("in use", refusal.Message, StringComparison.Ordinal);
        }

        using var after =
            WriteAheadLog.Open(new PosixDisk(_folder), "wal", new WalOptions { SegmentBytes = 16 << 10 }, new MetricRegistry());
    }

    [Fact]
    public void A_record_longer_than_a_segment_gets_one_of_its_own()
    {
        var disk = new SimDisk();
        var big = new byte[100_000];
        new Random(5).NextBytes(big);
        using (var log = TestRecords.Open(disk, 1))
        {
            Assert.Equal(0u, TestRecords.Append(log, log.Current, 1, MaxPayloadBytes).SegmentIndex);
            using var buffer = new NativeBuffer();
            buffer.Append(big);
            var task = log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask();
            log.CommitQueued();
            Assert.Equal(1u, TestRecords.Result(task).SegmentIndex);
            Assert.True(TestRecords.Append(log, log.Current, 2, MaxPayloadBytes).IsDurable);
        }

        using var reopened = TestRecords.Open(disk.Kill(), 2);
        var payloads = new List<byte[]>();
        Assert.Single(reopened.Recovered).Replay((_, payload) => payloads.Add(payload.ToArray()));
        Assert.Equal(3, payloads.Count);
        Assert.Equal(big, payloads[1]);
    }

    [Fact]
    public void A_segment_of_many_windows_is_read_across_their_borders_and_across_damage()
    {
        const int MaxBytes = 3 << 20; // a record may be longer than the window of a megabyte
        var disk = new SimDisk();
        var offsets = new List<long>();
        using (var log = TestRecords.Open(disk, 1, segmentBytes: 24 << 20))
            for (ulong id = 1; id <= 10; id++) offsets.Add(TestRecords.Append(log, log.Current, id, MaxBytes).Offset);

        var killed = disk.Kill();
        var name = "wal/0000000100000001-00000000.wal";
        var bytes = killed.ReadAll(name);
        bytes.AsSpan((int)offsets[2] + 10, (int)(offsets[3] - offsets[2]) + 10).Clear(); // two headers, more than a window apart
        bytes[(int)offsets[6] + 5000] ^= 1;                                      // a payload
        killed.WriteAll(name, bytes);
        using var reopened = TestRecords.Open(killed, 2, segmentBytes: 24 << 20);
        var expected = Enumerable.Range(1, 10).Select(static i => (ulong)i).Where(static id => id is not (3 or 4 or 7));
        Assert.Equal(expected, TestRecords.Replay(Assert.Single(reopened.Recovered), MaxBytes, out var report));
        Assert.Equal([offsets[2], offsets[6]], report.Damage.Select(static d => d.Offset));
        Assert.Equal(offsets[4] - offsets[2] + offsets[7] - offsets[6], report.CorruptBytes);
    }

    [Fact]
    public void Damage_at_a_segments_end_is_told_by_the_next_segment()
    {
        var disk = new SimDisk();
        var last = 0L;
        ulong id = 0;
        using (var log = TestRecords.Open(disk, 1))
            while (TestRecords.Append(log, log.Current, ++id, MaxPayloadBytes) is { SegmentIndex: 0 } result) last = result.Offset;

        var killed = disk.Kill();
        var bytes = killed.ReadAll("wal/0000000100000001-00000000.wal");
        bytes[(int)last]++;
        killed.WriteAll("wal/0000000100000001-00000000.wal", bytes);
        using var reopened = TestRecords.Open(killed, 2);
        var found = TestRecords.Replay(Assert.Single(reopened.Recovered), MaxPayloadBytes, out var report);
        Assert.Equal((int)id - 1, found.Count);
        Assert.DoesNotContain(id - 1, found);
        Assert.Equal(last, Assert.Single(report.Damage).Offset);
        Assert.True(report.CorruptBytes > 0);
    }

    [Fact]
    public unsafe void What_cannot_be_a_record_is_refused_at_the_door()
    {
        using var log = TestRecords.Open(new SimDisk(), 1);
        var one = stackalloc byte[1];
        Assert.Throws<ArgumentOutOfRangeException>(() => Append(log, log.Current, one, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Append(log, log.Current, one, (64 << 20) + 1));

        using var other = TestRecords.Open(new SimDisk(), 2);
        Assert.Throws<ArgumentException>(() => Append(log, other.Current, one, 1));

        var old = log.Current;
        Assert.Throws<InvalidOperationException>(() => log.Release(old));
        log.Roll();
        var under = log.AppendAsync(old, TenantId.Single, one, 1).AsTask();
        Assert.Contains("1 appends", Assert.Throws<InvalidOperationException>(() => log.Release(old)).Message, StringComparison.Ordinal);
        log.CommitQueued();
        Assert.True(TestRecords.Result(under).IsDurable);
        Assert.Equal(DiskError.None, log.Release(old));
        Assert.Throws<InvalidOperationException>(() => Append(log, old, one, 1));

        log.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Append(log, log.Current, one, 1));
    }

    [Fact]
    public void Generations_grow_and_the_identity_stays_though_all_files_go()
    {
        var disk = new SimDisk();
        ulong last = 0;
        ulong? identity = null;
        for (var run = 0; run < 5; run++)
        {
            using var log = TestRecords.Open(disk, seed: run);
            Assert.Empty(log.Recovered);
            Assert.Equal(identity ??= log.Identity, log.Identity);
            for (var i = 0; i < 3; i++)
            {
                Assert.True(log.Current.Number > last);
                last = log.Current.Number;
                TestRecords.Append(log, log.Current, 1, MaxPayloadBytes);
                var old = log.Current;
                log.Roll();
                Assert.Equal(DiskError.None, log.Release(old));
            }

            last = log.Current.Number;
        }

        using var elsewhere = TestRecords.Open(new SimDisk(), seed: 77);
        Assert.NotEqual(identity, elsewhere.Identity);
    }

    [Fact]
    public void Spares_are_bounded()
    {
        var disk = new SimDisk();
        using var log = TestRecords.Open(disk, 1);
        var old = log.Current;
        for (ulong id = 1; TestRecords.Append(log, old, id, MaxPayloadBytes).SegmentIndex < 9; id++) { }
        log.Roll();
        Assert.Equal(DiskError.None, log.Release(old));
        disk.TryList("wal", out var names);
        Assert.Equal(4, names.Count(static name => name.StartsWith("spare-", StringComparison.Ordinal)));
        Assert.DoesNotContain(names, static name => name.EndsWith(".wal", StringComparison.Ordinal));
        Assert.Equal(4 * (16 << 10), disk.UsedBytes);
    }

    [Fact]
    public void A_failed_release_is_tried_again_by_the_next()
    {
        var failing = false;
        var disk = new SimDisk();
        var flaky = new FlakyDisk(
            disk, call => failing && call.Operation == "SyncFolder" ? new DiskFault(DiskError.Failed, FaultMoment.Before) : null);
        using var log = TestRecords.Open(flaky, 1);
        var first = log.Current;
        TestRecords.Append(log, first, 1, MaxPayloadBytes);
        var second = log.Roll();
        TestRecords.Append(log, second, 2, MaxPayloadBytes);
        log.Roll();

        failing = true;
        Assert.Equal(DiskError.Failed, log.Release(first));
        Assert.NotEqual("", log.LastError);
        failing = false;
        Assert.Equal(DiskError.None, log.Release(second));
        for (var seed = 0; seed < 20; seed++)
        {
            using var reopened = TestRecords.Open(disk.Crash(seed), 2);
            Assert.Empty(reopened.Recovered);
        }
    }

    [Fact]
    public void Without_syncs_the_death_of_the_process_loses_nothing()
    {
        var disk = new SimDisk();
        var registry = new MetricRegistry();
        using var log = TestRecords.Open(disk, 1, sync: WalSyncMode.Os, registry: registry);
        for (ulong id = 1; id <= 30; id++) Assert.True(TestRecords.Append(log, log.Current, id, MaxPayloadBytes).IsDurable);
        Assert.Equal(0, registry.Counter("tempo_wal_syncs_total", "").With().Value);
        using (var killed = TestRecords.Open(disk.Kill(), 2))
            Assert.Equal(30, TestRecords.Replay(Assert.Single(killed.Recovered), MaxPayloadBytes).Count);

        // A power cut loses some, but makes up nothing (Replay verifies), and the log opens.
        for (var seed = 0; seed < 100; seed++)
        {
            using var crashed = TestRecords.Open(disk.Crash(seed), 2);
            Assert.All(crashed.Recovered, static g => TestRecords.Replay(g, MaxPayloadBytes));
        }
    }

    [Fact]
    public void A_group_is_one_sync()
    {
        var registry = new MetricRegistry();
        using var log = TestRecords.Open(new SimDisk(), 1, segmentBytes: 1 << 20, registry: registry);
        var buffers = Enumerable.Range(1, 100).Select(static id => TestRecords.Buffer((ulong)id, MaxPayloadBytes)).ToList();
        var tasks = buffers.ConvertAll(buffer => log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask());
        Assert.Equal(100, log.CommitQueued());
        Assert.All(tasks, static task => Assert.True(TestRecords.Result(task).IsDurable));
        Assert.Equal(1, registry.Counter("tempo_wal_syncs_total", "").With().Value);
        Assert.Equal(100, registry.Counter("tempo_wal_appends_total", "").With().Value);
        Assert.Equal(1, registry.Gauge("tempo_wal_segments", "").With().Value);
        buffers.ForEach(static buffer => buffer.Dispose());
    }

    [Fact]
    public unsafe void An_append_allocates_nothing_once_it_is_warm()
    {
        using var log = WriteAheadLog.Open(
            new PosixDisk(_folder), "", new WalOptions { SegmentBytes = 64 << 20, OwnCommitThread = false }, new MetricRegistry());
        var payload = (byte*)NativeMemory.AllocZeroed(1000);
        for (var i = 0; i < 10; i++) AppendAndCommit(log, payload);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 500; i++) AppendAndCommit(log, payload);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        NativeMemory.Free(payload);
    }

    [Fact]
    public async Task A_broken_commit_thread_is_heard_by_those_who_wait_and_by_the_next_caller()
    {
        var armed = false;
        var disk =
            new FlakyDisk(new SimDisk(), call => armed && call.Operation == "Write" ? throw new InvalidOperationException("a bug") : null);
        using var log = WriteAheadLog.Open(disk, "wal", new WalOptions { SegmentBytes = 16 << 10 }, new MetricRegistry());
        using var buffer = TestRecords.Buffer(1, MaxPayloadBytes);
        Assert.True((await log.AppendAsync(log.Current, TenantId.Single, buffer)).IsDurable);
        armed = true;
        var result = await log.AppendAsync(log.Current, TenantId.Single, buffer);
        Assert.Equal(WalStatus.Failed, result.Status);
        Assert.Contains("a bug", log.LastError, StringComparison.Ordinal);
        var heard = await log.AppendAsync(log.Current, TenantId.Single, buffer);
        Assert.Equal(WalStatus.Failed, heard.Status);
        Assert.Contains("a bug", heard.Message, StringComparison.Ordinal);

        // A disk that works again does not bring the thread back.
        armed = false;
        log.CheckAgain();
        Assert.True(log.HasEnded);
        Assert.Contains("a bug", log.LastError, StringComparison.Ordinal);
    }

    private static unsafe void Append(WriteAheadLog log, WalGeneration generation, byte* payload, int length) =>
        _ = log.AppendAsync(generation, TenantId.Single, payload, length).AsTask();

    private static unsafe void AppendAndCommit(WriteAheadLog log, byte* payload)
    {
        var append = log.AppendAsync(log.Current, TenantId.Single, payload, 1000);
        log.CommitQueued();
        if (!append.IsCompleted || !append.Result.IsDurable) throw new InvalidOperationException("the append failed");
    }
}
