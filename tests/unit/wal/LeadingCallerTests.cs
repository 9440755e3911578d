using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>A caller who finds nobody committing commits its own record, where the disk is quick; what comes meanwhile is the thread's.</summary>
public sealed class LeadingCallerTests
{
    private const int MaxPayloadBytes = 1000;
    private static readonly WalOptions Options = new() { SegmentBytes = 1 << 20 };

    [Fact]
    public async Task A_lone_append_is_durable_when_the_call_returns()
    {
        using var log = WriteAheadLog.Open(new SimDisk(), "wal", Options, new MetricRegistry(), new SteppingTime());
        using var buffer = TestRecords.Buffer(1, MaxPayloadBytes);
        for (var i = 0; i < 5; i++)
        {
            var append = log.AppendAsync(log.Current, TenantId.Single, buffer);
            Assert.True(append.IsCompleted);
            Assert.True((await append).IsDurable);
        }
    }

    [Fact]
    public async Task Where_syncs_take_long_nobody_waits_for_one_but_the_commit_thread()
    {
        var time = new SteppingTime();
        using var held = new ManualResetEventSlim(initialState: true);
        var disk = new FlakyDisk(new SimDisk(), call =>
        {
            if (call.Operation != "Sync") return null;
            held.Wait();
            time.Now += TimeSpan.FromMilliseconds(10).Ticks;
            return null;
        });
        using var log = WriteAheadLog.Open(disk, "wal", Options, new MetricRegistry(), time);
        using var buffer = TestRecords.Buffer(1, MaxPayloadBytes);
        Assert.True((await log.AppendAsync(log.Current, TenantId.Single, buffer)).IsDurable);

        // From here on the mean is beyond the bound: the call returns although the sync does not.
        held.Reset();
        var append = log.AppendAsync(log.Current, TenantId.Single, buffer);
        Assert.False(append.IsCompleted);
        held.Set();
        Assert.True((await append).IsDurable);
    }

    [Fact]
    public async Task What_comes_while_a_caller_commits_is_one_group_of_the_thread()
    {
        using var isSyncing = new SemaphoreSlim(0);
        using var goOn = new SemaphoreSlim(0);
        var syncs = 0;
        var isArmed = false;
        var disk = new FlakyDisk(new SimDisk(), call =>
        {
            if (call.Operation != "Sync" || !isArmed) return null;
            if (Interlocked.Increment(ref syncs) > 1) return null;
            isSyncing.Release();
            goOn.Wait();
            return null;
        });
        using var log = WriteAheadLog.Open(disk, "wal", Options, new MetricRegistry(), new SteppingTime());
        using var buffer = TestRecords.Buffer(1, MaxPayloadBytes);
        Assert.True((await log.AppendAsync(log.Current, TenantId.Single, buffer)).IsDurable);
        isArmed = true;
        var leader = Task.Factory.StartNew(() => log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask().GetAwaiter().GetResult(), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await isSyncing.WaitAsync(TestContext.Current.CancellationToken);
        var others = Enumerable.Range(0, 10).Select(_ => log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask()).ToArray();
        Assert.All(others, static other => Assert.False(other.IsCompleted));
        goOn.Release();
        Assert.True((await leader).IsDurable);
        Assert.All(await Task.WhenAll(others), static other => Assert.True(other.IsDurable));
        Assert.Equal(2, syncs);
    }

    [Fact]
    public async Task Of_many_callers_at_once_every_record_is_replayed_and_the_log_closes()
    {
        const int Callers = 6, Appends = 200;
        var disk = new SimDisk();
        var log = WriteAheadLog.Open(disk, "wal", Options, new MetricRegistry(), new SteppingTime());
        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < Appends; i++)
            {
                var id = (ulong)(caller * Appends + i);
                using var buffer = TestRecords.Buffer(id, MaxPayloadBytes);
                Assert.True(log.AppendAsync(log.Current, TestRecords.TenantOf(id), buffer).AsTask().GetAwaiter().GetResult().IsDurable);
            }
        }, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        await Task.WhenAll(callers);
        log.Dispose();
        using var again = WriteAheadLog.Open(disk, "wal", Options, new MetricRegistry());
        var replayed = again.Recovered.SelectMany(static generation => TestRecords.Replay(generation, MaxPayloadBytes)).Order();
        Assert.Equal(Enumerable.Range(0, Callers * Appends).Select(static id => (ulong)id), replayed);
    }

    private sealed class SteppingTime : TimeProvider
    {
        public long Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref Now);
    }
}
