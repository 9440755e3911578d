using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>
/// A caller who finds nobody committing commits its own record, where the disk is quick; the first who comes meanwhile commits all that
/// came.
/// </summary>
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
    public async Task Who_comes_first_while_a_caller_commits_commits_all_that_came_as_one_group()
    {
        using var disk = new HeldDisk();
        using var log = WriteAheadLog.Open(disk.Disk, "wal", Options, new MetricRegistry(), new SteppingTime());
        using var buffer = TestRecords.Buffer(1, MaxPayloadBytes);
        Assert.True((await log.AppendAsync(log.Current, TenantId.Single, buffer)).IsDurable);
        disk.IsArmed = true;
        var leader = OnThread(() => AppendThere(log, buffer));
        await disk.IsSyncing.WaitAsync(TestContext.Current.CancellationToken);

        // The first waits in the call, and those behind it do not.
        var callers = 0;
        var next = OnThread(() =>
        {
            var append = log.AppendAsync(log.Current, TenantId.Single, buffer);
            Volatile.Write(ref callers, Environment.CurrentManagedThreadId);
            Assert.True(append.IsCompleted);
            return append.AsTask().GetAwaiter().GetResult();
        });
        while (!log.HasNextLeader) await Task.Yield();
        var others = Enumerable.Range(0, 10).Select(_ => log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask()).ToArray();
        Assert.All(others, static other => Assert.False(other.IsCompleted));
        Assert.Equal(0, Volatile.Read(ref callers));
        disk.GoOn.Release();
        Assert.True((await leader).IsDurable);
        Assert.True((await next).IsDurable);
        Assert.All(await Task.WhenAll(others), static other => Assert.True(other.IsDurable));
        Assert.Equal(2, disk.Syncs);
        Assert.Equal(callers, disk.LastSyncThread);
    }

    [Fact]
    public async Task After_a_fault_of_the_committing_side_nobody_is_left_waiting()
    {
        using var disk = new HeldDisk();
        var log = WriteAheadLog.Open(disk.Disk, "wal", Options, new MetricRegistry(), new SteppingTime());
        using var buffer = TestRecords.Buffer(1, MaxPayloadBytes);
        Assert.True((await log.AppendAsync(log.Current, TenantId.Single, buffer)).IsDurable);
        disk.Fault = new InvalidOperationException("planted");
        disk.IsArmed = true;
        var leader = OnThread(() => AppendThere(log, buffer));
        await disk.IsSyncing.WaitAsync(TestContext.Current.CancellationToken);
        var next = OnThread(() => AppendThere(log, buffer));
        while (!log.HasNextLeader) await Task.Yield();
        var other = log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask();
        disk.GoOn.Release();
        foreach (var append in new[] { leader, next, other }) Assert.False((await append).IsDurable);
        Assert.False((await log.AppendAsync(log.Current, TenantId.Single, buffer)).IsDurable);
        Assert.True(log.HasEnded);
        log.Dispose();
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

    private static Task<WalResult> OnThread(Func<WalResult> append) =>
        Task.Factory.StartNew(append, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static WalResult AppendThere(WriteAheadLog log, NativeBuffer buffer) =>
        log.AppendAsync(log.Current, TenantId.Single, buffer).AsTask().GetAwaiter().GetResult();

    /// <summary>A disk whose first sync, once armed, waits to be let go on.</summary>
    private sealed class HeldDisk : IDisposable
    {
        private int _syncs;

        public HeldDisk() => Disk = new FlakyDisk(new SimDisk(), call =>
        {
            if (call.Operation != "Sync" || !IsArmed) return null;
            LastSyncThread = Environment.CurrentManagedThreadId;
            if (Interlocked.Increment(ref _syncs) > 1) return null;
            IsSyncing.Release();
            GoOn.Wait();
            return Fault is null ? null : throw Fault;
        });

        public FlakyDisk Disk { get; }

        public bool IsArmed { get; set; }

        public Exception? Fault { get; set; }

        public SemaphoreSlim IsSyncing { get; } = new(0);

        public SemaphoreSlim GoOn { get; } = new(0);

        public int Syncs => _syncs;

        public int LastSyncThread { get; private set; }

        public void Dispose()
        {
            IsSyncing.Dispose();
            GoOn.Dispose();
        }
    }

    private sealed class SteppingTime : TimeProvider
    {
        public long Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref Now);
    }
}
