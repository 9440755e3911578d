using System.Globalization;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>The store that nodes share fails, or two nodes change it at once. TEMPO_RING_ROUNDS as for the other faults.</summary>
public sealed class RingStoreTests
{
    private static readonly int Rounds =
        int.Parse(Environment.GetEnvironmentVariable("TEMPO_RING_ROUNDS") ?? "1", CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_store_that_answers_every_second_request_wrongly_takes_no_span_and_refuses_none()
    {
        await using var ring = await RingCluster.StartAsync(
            new RingSettings { ReplicationFactor = 3, MaxBlockDuration = "2s", CompactionCycle = "500ms", BlocklistPoll = "1s" });
        var ledger = new RingLedger();
        for (var round = 0; round < Rounds; round++)
        {
            var requests = 0;
            ring.S3.Faults = (_, _) => (Interlocked.Increment(ref requests) % 10) switch
            {
                0 => new() { Status = 500 },
                2 => new() { Status = 503 },
                4 => new() { DropAnswer = true }, // done, and nobody hears of it
                6 => new() { TruncateTo = 10 },
                8 => new() { Hang = Task.Delay(2000) },
                _ => null,
            };
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(ring.Nodes.Select(node => ledger.SendAsync(node, stop.Token)));
            await ledger.HasAsync(ledger.AcknowledgedTraces + 100);
            foreach (var node in ring.Nodes) await node.Api.FlushAsync();
            await ledger.HasAsync(ledger.AcknowledgedTraces + 100);
            await Eventually.HoldsAsync("each way to go wrong was met twice", () => Volatile.Read(ref requests) > 20);
            await stop.CancelAsync();
            await load;

            ring.S3.Faults = null;
            await ring.UploadedAsync();
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        }

        Assert.Equal(0, ledger.Refused);
        ledger.Report("every second request to S3 goes wrong", Rounds);
    }

    [Fact]
    public async Task A_store_that_lists_late_hides_nothing_unless_the_answer_says_so()
    {
        const int DelaySeconds = 3;
        await using var ring = await RingCluster.StartAsync(
            new RingSettings
            {
                MaxBlockDuration = "2s",
                CompactionCycle = "200ms",
                BlocklistPoll = "1s",
                CompactedBlockRetention = "1s",
                ListingDelay = $"{DelaySeconds}s"
            });
        ring.S3.Staleness = TimeSpan.FromSeconds(DelaySeconds);
        var ledger = new RingLedger();
        for (var round = 0; round < Rounds; round++)
        {
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(ring.Nodes.Select(node => ledger.SendAsync(node, stop.Token)));
            await ledger.HasAsync(ledger.AcknowledgedTraces + 50);

            // Blocks come, are merged and are deleted all the while; one node goes and comes back, and does not know what the others may
            // have seen.
            for (var again = 0; again < 12; again++)
            {
                if (again == 4)
                {
                    await ring.Nodes[round % 3].StopAsync();
                    await ring.Nodes[round % 3].StartAsync();
                    await ring.SeesAsync(ring.Nodes[(round + 1) % 3], "ACTIVE", 3);
                }

                // While blocks change faster than listings show it, most answers are partial, or all.
                foreach (var node in ring.Nodes) await ledger.CheckUnlessPartialAsync(node);
                if (again % 3 == 0) await ring.Nodes[again % 3].Api.FlushAsync();
            }

            await stop.CancelAsync();
            await load;
            foreach (var node in ring.Nodes)
            {
                await Eventually.HoldsAsync("answers are whole again", () => ledger.CheckUnlessPartialAsync(node));
                await ledger.CheckAsync(node);
            }
        }

        await Eventually.HoldsAsync("blocks were compacted, and deleted", () => ring.S3.Deletions > 0);
        ledger.Report($"listings up to {DelaySeconds} s late", Rounds);
    }

    [Fact]
    public async Task Two_nodes_that_both_compact_everything_lose_nothing_and_double_nothing()
    {
        await using var ring = await RingCluster.StartAsync(
            new RingSettings { Nodes = 2, IsStatic = true, AreStrangers = true, CompactionCycle = "100ms", BlocklistPoll = "1s" });
        var ledger = new RingLedger();
        for (var round = 0; round < Rounds; round++)
        {
            for (var block = 0; block < 4; block++)
                foreach (var node in ring.Nodes)
                {
                    await ledger.SendAsync(node, requests: 3);
                    await node.Api.FlushAsync();
                }

            await ring.UploadedAsync();
            // They do not know of each other: what the other has written is seen with the next listing.
            foreach (var node in ring.Nodes)
                await Eventually.HoldsAsync("the other's blocks are listed",
                    async () => await ledger.CountAsync(node) >= ledger.AcknowledgedTraces * RingLedger.SpansPerTrace);
            for (var again = 0; again < 5; again++)
                foreach (var node in ring.Nodes)
                    await ledger.CheckAsync(node, byId: 5);
        }

        await Eventually.HoldsAsync("blocks are compacted",
            () => ring.S3.Objects.Keys.Any(static name => name.EndsWith("/meta.compacted.json", StringComparison.Ordinal)));
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        ledger.Report("two that both compact everything", Rounds);
    }
}
