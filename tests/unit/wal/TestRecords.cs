using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Tempo.Wal.Tests;

/// <summary>Payloads that say who they are: the id, then bytes that follow from it. A wrong byte or length is found out.</summary>
internal static class TestRecords
{
    public static readonly TenantId[] Tenants =
        [TenantId.Single, Tenant("a"), Tenant("team-b"), Tenant(new string('t', TenantId.MaxLength))];

    public static TenantId Tenant(string text) =>
        TenantId.TryParse(text, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    public static TenantId TenantOf(ulong id) => Tenants[(int)(id % 4)];

    public static byte[] Payload(ulong id, int maxBytes)
    {
        var random = new Random(id.GetHashCode());
        var payload = new byte[8 + random.Next(maxBytes - 8)];
        random.NextBytes(payload);
        BinaryPrimitives.WriteUInt64LittleEndian(payload, id);
        return payload;
    }

    /// <summary>The id of a record that is exactly as it was appended; fails the test otherwise.</summary>
    public static ulong Verify(TenantId tenant, ReadOnlySpan<byte> payload, int maxBytes)
    {
        Assert.True(payload.Length >= 8, "a record that nobody appended");
        var id = BinaryPrimitives.ReadUInt64LittleEndian(payload);
        Assert.True(payload.SequenceEqual(Payload(id, maxBytes)), $"record {id} has other bytes than were appended");
        Assert.Equal(TenantOf(id), tenant);
        return id;
    }

    /// <summary>Appends and, in a log without a commit thread, commits.</summary>
    public static WalResult Append(WriteAheadLog log, WalGeneration generation, ulong id, int maxBytes)
    {
        using var buffer = Buffer(id, maxBytes);
        var task = log.AppendAsync(generation, TenantOf(id), buffer).AsTask();
        while (log.CommitQueued() > 0) { }
        return Result(task);
    }

    public static NativeBuffer Buffer(ulong id, int maxBytes)
    {
        var buffer = new NativeBuffer();
        buffer.Append(Payload(id, maxBytes));
        return buffer;
    }

    public static WalResult Result(Task<WalResult> task)
    {
        Assert.True(task.IsCompleted, "an append was left without an answer");
        return task.GetAwaiter().GetResult();
    }

    public static List<ulong> Replay(WalGeneration generation, int maxBytes) => Replay(generation, maxBytes, out _);

    public static List<ulong> Replay(WalGeneration generation, int maxBytes, out WalReplayReport report)
    {
        var ids = new List<ulong>();
        report = generation.Replay((tenant, payload) => ids.Add(Verify(tenant, payload, maxBytes)));
        return ids;
    }

    /// <summary>Opens a log without a thread, with marks from a seed.</summary>
    public static WriteAheadLog Open(
        IDisk disk, int seed, long segmentBytes = 16 << 10, WalSyncMode sync = WalSyncMode.Group, MetricRegistry? registry = null)
    {
        var random = new Random(seed);
        var options = new WalOptions { SegmentBytes = segmentBytes, Sync = sync, OwnCommitThread = false };
        return WriteAheadLog.Open(disk, "wal", options, registry ?? new MetricRegistry(), marks: () => (ulong)random.NextInt64());
    }
}
