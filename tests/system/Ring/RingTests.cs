using System.Globalization;
using System.Text.Json;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>Three nodes, a real etcd and S3's wire: what was acknowledged by any node is found through every node, once.</summary>
public sealed class RingTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(3, true)]
    public async Task What_any_node_acknowledges_every_node_finds_at_once_and_once(int replicationFactor, bool isStatic)
    {
        await using var ring = await RingCluster.StartAsync(
            new RingSettings { ReplicationFactor = replicationFactor, IsStatic = isStatic, IsDivided = !isStatic });
        var ledger = new RingLedger();
        foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 6);
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);

        // Blocks that wait for their upload are read from the node that wrote them.
        ring.S3.Faults = (_, _) => new() { Status = 503 };
        foreach (var node in ring.Nodes) await node.Api.FlushAsync();
        foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 3);
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);

        // Nobody polls the store for an hour: who has just uploaded a block says so.
        ring.S3.Faults = null;
        await ring.UploadedAsync();
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
    }

    /// <summary>
    /// Nodes tell of their new blocks for a quarter of an hour, in which most are compacted: what a node reads beside what it became makes
    /// every trace two.
    /// </summary>
    [Fact]
    public async Task A_compacted_block_is_not_read_beside_what_it_became()
    {
        await using var ring =
            await RingCluster.StartAsync(new RingSettings { Nodes = 2, IsDivided = false, CompactionCycle = "1s", BlocklistPoll = "1s" });
        var ledger = new RingLedger();
        foreach (var node in ring.Nodes)
        {
            await ledger.SendAsync(node, requests: 3);
            foreach (var other in ring.Nodes) await other.Api.FlushAsync();
        }

        await ring.UploadedAsync();
        await Eventually.HoldsAsync("blocks are compacted",
            () => ring.S3.Objects.Keys.Any(static name => name.EndsWith("/meta.compacted.json", StringComparison.Ordinal)));
        foreach (var node in ring.Nodes)
            // two windows at the end of an hour
            await Eventually.HoldsAsync("each span is looked at once, in one block",
                async () =>
                    await InspectedAsync(node) is (1 or 2, var spans) && spans == ledger.AcknowledgedTraces * RingLedger.SpansPerTrace);
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
    }

    private static async Task<(int Blocks, int Spans)> InspectedAsync(TempoProcess node)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var answer = await node.Api.AskAsync(
            $"/api/metrics/query_range?q={Uri.EscapeDataString("{ } | count_over_time()")}&start={now - 3600}&end={now + 60}&step=60s");
        using var json = JsonDocument.Parse(answer.Text);
        var metrics = json.RootElement.GetProperty("metrics");
        int Number(string name) =>
            metrics.TryGetProperty(name, out var value) ? int.Parse(value.ToString(), CultureInfo.InvariantCulture) : 0;
        return (Number("totalBlocks"), Number("inspectedSpans"));
    }
}
