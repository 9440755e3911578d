using System.Globalization;
using System.Text.Json;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>
/// What a cluster lives through: nothing that was acknowledged is lost or counted twice, whoever is asked. How often each is repeated
/// is TEMPO_RING_ROUNDS (1), rolling restarts TEMPO_RING_RESTARTS (as many): tests/system/RESULTS.md says what many rounds have found.
/// </summary>
public sealed class RingFaultTests
{
    private static readonly int Rounds =
        int.Parse(Environment.GetEnvironmentVariable("TEMPO_RING_ROUNDS") ?? "1", CultureInfo.InvariantCulture);
    private static readonly int Restarts =
        int.Parse(Environment.GetEnvironmentVariable("TEMPO_RING_RESTARTS") ?? $"{Rounds}", CultureInfo.InvariantCulture);

    [Fact]
    public async Task One_of_three_is_killed_paused_and_comes_back_under_load()
    {
        await using var ring =
            await RingCluster.StartAsync(new RingSettings { ReplicationFactor = 3, MaxBlockDuration = "3s", CompactionCycle = "1s" });
        var ledger = new RingLedger();
        for (var round = 0; round < Rounds; round++)
        {
            var victim = ring.Nodes[round % 3];
            var others = ring.Nodes.Where(node => node != victim).ToArray();
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(others.Select(node => ledger.SendAsync(node, stop.Token)));
            await ledger.HasAsync(50 * (round + 1));

            // Dead: two of three owners are a quorum, and every acknowledged span is on one that answers.
            await victim.KillAsync();
            foreach (var node in others) await ledger.CheckAsync(node, byId: 5);
            await Task.Delay(500);
            await victim.StartAsync();
            foreach (var node in ring.Nodes) await ring.SeesAsync(node, "ACTIVE", 3);
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node, byId: 5);

            // Paused: it takes connections and answers nothing.
            victim.Pause();
            try
            {
                foreach (var node in others) await ledger.CheckAsync(node, byId: 5);
            }
            finally
            {
                victim.Continue();
            }

            foreach (var node in ring.Nodes) await ring.SeesAsync(node, "ACTIVE", 3);
            await stop.CancelAsync();
            await load;
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        }

        Assert.True(ledger.AcknowledgedTraces > 100 * Rounds, $"{ledger.AcknowledgedTraces} traces were acknowledged");
        ledger.Report("one of three killed, started again, paused, continued", Rounds);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_rolling_restart_under_load_loses_nothing_and_hides_nothing(int replicationFactor)
    {
        await using var ring = await RingCluster.StartAsync(
            new RingSettings { ReplicationFactor = replicationFactor, MaxBlockDuration = "3s", CompactionCycle = "1s" });
        var ledger = new RingLedger();
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(ring.Nodes.Select(node => ledger.SendAsync(node, stop.Token)));
        for (var round = 0; round < Restarts; round++)
        {
            foreach (var node in ring.Nodes)
            {
                var others = ring.Nodes.Where(other => other != node).ToArray();
                await ledger.HasAsync(ledger.AcknowledgedTraces + 20);
                var stopping = node.StopAsync();
                foreach (var other in others) await ledger.CheckAsync(other, byId: 3);
                Assert.Equal(0, await stopping);
                foreach (var other in others) await ledger.CheckAsync(other, byId: 3);
                await node.StartAsync();
                await ledger.CheckAsync(node, byId: 3);
            }
        }

        await stop.CancelAsync();
        await load;
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        ledger.Report($"rolling restart of all, replication factor {replicationFactor}", Restarts);
    }

    [Fact]
    public async Task Without_etcd_everything_goes_on_and_it_is_taken_up_again()
    {
        await using var ring = await RingCluster.StartAsync(new RingSettings { ReplicationFactor = 3 });
        var ledger = new RingLedger();
        await ring.Etcd.KillAsync();
        var outage = TimeSpan.FromSeconds(
            int.Parse(Environment.GetEnvironmentVariable("TEMPO_RING_ETCD_OUTAGE_SECONDS") ?? "6", CultureInfo.InvariantCulture));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        do
        {
            foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 5);
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node, byId: 5);
        }
        while (clock.Elapsed < outage);
        Assert.Equal(0, ledger.Refused);

        await ring.Etcd.StartAsync();
        foreach (var node in ring.Nodes) await ring.SeesAsync(node, "ACTIVE", 3);
        await ring.Nodes[0].KillAsync();
        foreach (var node in ring.Nodes.Skip(1)) await ring.SeesAsync(node, "ACTIVE", 2); // heard from etcd again, when the lease is over
        foreach (var node in ring.Nodes.Skip(1)) await ledger.CheckAsync(node);
        ledger.Report($"etcd gone for {outage.TotalSeconds:0} s, then a node", 1);
    }

    [Fact]
    public async Task What_is_on_a_lost_node_alone_makes_answers_partial_and_a_new_node_does_not_wait_for_it()
    {
        await using var ring = await RingCluster.StartAsync(new RingSettings { ReplicationFactor = 1 });
        var ledger = new RingLedger();
        foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 4);
        var lost = ring.Nodes[0];
        await lost.KillAsync();

        foreach (var node in ring.Nodes.Skip(1))
        {
            var answer = await node.Api.AskAsync("/api/v2/traces/" + new string('a', 32));
            using var json = JsonDocument.Parse(answer.Body);
            Assert.Equal("PARTIAL", json.RootElement.GetProperty("status").GetString());
            Assert.Contains("tempo-1", answer.Text, StringComparison.Ordinal);
        }

        var newcomer = ring.Prepare();
        await newcomer.StartAsync();
        await ring.SeesAsync(newcomer, "ACTIVE", 3);

        // It comes back with its log.
        await lost.StartAsync();
        foreach (var node in ring.Nodes) await ring.SeesAsync(node, "ACTIVE", 4);
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        ledger.Report("a node lost, one copy: partial; a new one; the lost one back", 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Targets_do_their_parts(bool isStatic)
    {
        await using var ring = await RingCluster.StartAsync(
            new RingSettings
            {
                Nodes = 5,
                IsStatic = isStatic,
                Targets = ["distributor", "ingester", "ingester", "querier", "compactor"],
                CompactionCycle = "200ms",
                BlocklistPoll = "1s"
            });
        var (distributor, querier) = (ring.Nodes[0], ring.Nodes[3]);
        var ledger = new RingLedger();
        await ledger.SendAsync(distributor, requests: 10);
        await ledger.CheckAsync(querier);
        Assert.Equal(404, (await distributor.Api.AskAsync("/api/search")).Status);
        await Assert.ThrowsAsync<HttpRequestException>(() => new RingLedger().SendAsync(querier, requests: 1));

        // Blocks of both ingesters become one, by the compactor alone.
        for (var i = 0; i < 2; i++)
        {
            foreach (var ingester in ring.Nodes.Skip(1).Take(2)) await ingester.Api.FlushAsync();
            await ledger.SendAsync(distributor, requests: 5);
        }

        await ring.UploadedAsync();
        await Eventually.HoldsAsync("blocks are compacted",
            () => ring.S3.Objects.Keys.Any(static name => name.EndsWith("/meta.compacted.json", StringComparison.Ordinal)));
        await ledger.CheckAsync(querier);
        Assert.Contains(
            "tempodb_compaction_objects_written_total", (await ring.Nodes[4].Api.AskAsync("/metrics")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_does_not_know_the_secret_is_no_member()
    {
        await using var ring = await RingCluster.StartAsync(new RingSettings { Nodes = 1 });
        using var http = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{ring.Nodes[0].ApiGrpcAddress}/tempo.peer/v3/live")
        {
            Version = new Version(2, 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([10, 1, 97]),
        };
        using var answer = await http.SendAsync(request);
        Assert.Equal(403, (int)answer.StatusCode);
        var config = (await ring.Nodes[0].Api.AskAsync("/status/config")).Text;
        Assert.Contains("peer_secret: <secret>", config, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", config + ring.Nodes[0].Log, StringComparison.Ordinal);
    }
}
