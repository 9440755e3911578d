using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>Queries of blocks are computed by all nodes together; who does not answer costs time and nothing of the answer.</summary>
public sealed class RingDivisionTests
{
    private const string Slices = "tempo_ring_query_slices_total";

    [Fact]
    public async Task Every_node_has_the_others_compute_and_helps_one_that_does_not()
    {
        await using var ring = await RingCluster.StartAsync(new RingSettings { ReplicationFactor = 3, CompactionCycle = "1h" });
        var ledger = new RingLedger();
        for (var round = 0; round < 3; round++)
        {
            foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 3);
            foreach (var node in ring.Nodes) await node.Api.FlushAsync();
        }

        await ring.UploadedAsync();
        foreach (var node in ring.Nodes)
        {
            // A node that is slow on a busy machine is helped, so that it may take a few queries.
            await Eventually.HoldsAsync("the others compute for it", async () =>
            {
                await ledger.CheckAsync(node);
                return (await node.Api.MetricsAsync()).Sum(Slices, "outcome=\"answered\"") > 0;
            });
        }

        Assert.All(await Task.WhenAll(ring.Nodes.Select(static node => node.Api.MetricsAsync())),
            static metrics => Assert.Equal(0, metrics.Sum(Slices, "outcome=\"partial\"")));

        // It takes connections and answers nothing; two of three have everything. On a busy machine it may be known as silent, and is not
        // asked then.
        var (asked, silent) = (ring.Nodes[0], ring.Nodes[1]);
        await Eventually.HoldsAsync("a silent node is helped", async () =>
        {
            await ring.SeesAsync(asked, "ACTIVE", 3);
            var before = Hedged(await asked.Api.MetricsAsync());
            silent.Pause();
            try
            {
                Assert.Equal(RingLedger.SpansPerTrace * ledger.AcknowledgedTraces, await ledger.CountAsync(asked));
                return Hedged(await asked.Api.MetricsAsync()) > before;
            }
            finally
            {
                silent.Continue();
            }
        });

        static double Hedged(PrometheusText metrics) => metrics.Sum(Slices, "outcome=\"late\"") + metrics.Sum(Slices, "outcome=\"failed\"");
    }
}
