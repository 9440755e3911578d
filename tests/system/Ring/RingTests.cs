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
        await using var ring = await RingCluster.StartAsync(new RingSettings { ReplicationFactor = replicationFactor, IsStatic = isStatic, IsDivided = !isStatic });
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
}
