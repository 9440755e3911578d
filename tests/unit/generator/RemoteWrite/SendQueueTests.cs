using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.RemoteWrite;
using Tempo.Testing;

namespace Tempo.Generator.Tests.RemoteWrite;

/// <summary>The queue on a disk that loses what was not synced.</summary>
public sealed class SendQueueTests
{
    private static readonly SendQueueOptions Small = new() { SegmentBytes = 4096, MaxBytes = 1 << 20 };

    [Fact]
    public void Each_target_gets_every_batch_in_order_and_then_the_disk_is_free()
    {
        var disk = new SimDisk();
        using var queue = Open(disk, 1, 2);
        for (var i = 0; i < 100; i++) Append(queue, i);
        for (var i = 0; i < 100; i++) Assert.Equal(i, Take(queue, 0));
        Assert.Null(Take(queue, 0));
        Assert.True(queue.SizeBytes > 5 * 4096);
        for (var i = 0; i < 100; i++) Assert.Equal(i, Take(queue, 1));
        Assert.Equal(4096, queue.SizeBytes);
    }

    [Fact]
    public void After_a_crash_at_any_moment_nothing_committed_is_lost_and_at_most_the_last_batch_comes_again()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 60; round++)
        {
            var disk = new SimDisk();
            int appended = 0, committed = 0, next = 0;
            for (var life = 0; life < 4; life++)
            {
                using var queue = Open(disk, 7);
                // What was not committed may be there or not, but not out of order and not with holes before it.
                var first = Peek(queue, 0);
                Assert.True(first is null ? next >= committed : first == next,
                    $"seed {seed}, round {round}, life {life}: {first} after {next}, {committed} committed");
                appended = Math.Max(next, Count(queue, next));
                for (var step = random.Next(60); step > 0; step--)
                {
                    if (random.Next(2) == 0) Append(queue, appended++, commit: false);
                    else if (Take(queue, 0) is { } taken) Assert.Equal(next++, taken);
                    if (random.Next(3) != 0) continue;
                    Assert.Equal(DiskError.None, queue.Commit());
                    committed = appended;
                }

                disk = random.Next(2) == 0 ? disk.Crash(random.Next()) : disk.Kill();
                committed = Math.Max(committed, next);
            }
        }
    }

    [Fact]
    public void A_full_queue_drops_its_oldest_and_says_how_many()
    {
        var disk = new SimDisk();
        using var queue = Open(disk, new SendQueueOptions { SegmentBytes = 4096, MaxBytes = 16 * 1024 }, 1);
        for (var i = 0; i < 300; i++) Append(queue, i);
        Assert.InRange(queue.SizeBytes, 1, 16 * 1024);
        var first = Take(queue, 0)!.Value;
        Assert.InRange(first, 100, 299);
        Assert.Equal(first * 10, queue.Waiting(0).DroppedSamples);
        for (var i = first + 1; i < 300; i++) Assert.Equal(i, Take(queue, 0));
    }

    [Fact]
    public void A_full_disk_is_an_error_and_afterwards_it_goes_on()
    {
        var disk = new SimDisk();
        using var queue = Open(disk, 1);
        Append(queue, 0);
        disk.CapacityBytes = disk.UsedBytes;
        var error = DiskError.None;
        for (var i = 0; i < 100 && error == DiskError.None; i++) error = TryAppend(queue, 1);
        Assert.Equal(DiskError.Full, error);
        disk.CapacityBytes = long.MaxValue;
        Append(queue, 2);
        var taken = new List<int>();
        while (Take(queue, 0) is { } number) taken.Add(number);
        Assert.Equal((0, 2), (taken[0], taken[^1]));
    }

    [Fact]
    public void A_damaged_byte_costs_the_rest_of_its_segment()
    {
        var disk = new SimDisk();
        using (var queue = Open(disk, 1))
            for (var i = 0; i < 200; i++) Append(queue, i);
        var damaged = disk.Kill();
        var bytes = damaged.ReadAll("t/queue-0000000000000002");
        bytes[1000] ^= 1;
        damaged.WriteAll("t/queue-0000000000000002", bytes);
        using var again = Open(damaged, 1);
        var taken = new List<int>();
        while (Take(again, 0) is { } number) taken.Add(number);
        Assert.Equal(taken.Order(), taken);
        Assert.Equal((0, 199), (taken[0], taken[^1]));
        Assert.InRange(taken.Count, 150, 199);

        // What is lost is told, whether anybody has read so far or not.
        Assert.Equal((200 - taken.Count) * 10, again.DamagedSamples);
        Assert.Equal((200 - taken.Count) * 10, again.Waiting(0).DroppedSamples);
        using var third = Open(damaged.Kill(), 1);
        Assert.Equal(0, third.Waiting(0).DroppedSamples);
    }

    [Fact]
    public void The_time_of_the_last_samples_outlives_their_batches()
    {
        var disk = new SimDisk();
        using (var queue = Open(disk, 1))
        {
            Append(queue, 41);
            Take(queue, 0);
        }

        using var again = Open(disk.Kill(), 1);
        Assert.Equal(41_000, again.LastUnixMs);
    }

    [Fact]
    public void A_target_that_is_gone_holds_nothing_back()
    {
        var disk = new SimDisk();
        using (var queue = Open(disk, 1, 2))
            for (var i = 0; i < 100; i++)
            {
                Append(queue, i);
                Take(queue, 0);
            }

        using var again = Open(disk.Kill(), 1);
        Append(again, 100);
        Assert.Equal(100, Take(again, 0));
        Assert.Equal(4096, again.SizeBytes);
    }

    private static SendQueue Open(IDisk disk, params ulong[] targets) => Open(disk, Small, targets);

    private static SendQueue Open(IDisk disk, SendQueueOptions options, params ulong[] targets)
    {
        var queue = SendQueue.Open(disk, "t", options, targets, out var error);
        Assert.Equal(DiskError.None, error);
        return queue!;
    }

    private static void Append(SendQueue queue, int number, bool commit = true)
    {
        Assert.Equal(DiskError.None, TryAppend(queue, number));
        if (commit) Assert.Equal(DiskError.None, queue.Commit());
    }

    // Ten samples each, some hundred bytes that do not compress.
    private static DiskError TryAppend(SendQueue queue, int number)
    {
        var payload = new byte[200];
        new Random(number).NextBytes(payload);
        BitConverter.TryWriteBytes(payload, number);
        return queue.Append(payload, new BatchCounts(10, 0, 0), number * 1000L);
    }

    private static int? Take(SendQueue queue, int target)
    {
        using var payload = new NativeBuffer();
        if (!queue.TryRead(target, payload, out var record)) return null;
        Assert.Equal(DiskError.None, queue.Advance(target, record));
        return Number(payload);
    }

    private static int? Peek(SendQueue queue, int target)
    {
        using var payload = new NativeBuffer();
        return queue.TryRead(target, payload, out _) ? Number(payload) : null;
    }

    private static int Number(NativeBuffer payload)
    {
        using var plain = new NativeBuffer();
        Assert.Equal(DecompressStatus.Done, Snappy.Decompress(payload.Written, plain, 1 << 20));
        return BitConverter.ToInt32(plain.Written);
    }

    private static int Count(SendQueue queue, int next) => next + (int)(queue.Waiting(0).Samples / 10);
}
