using System.Globalization;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>
/// Links that fail in one direction or both, and nobody is told: three copies of each span, senders to every node, checks through every
/// node that can answer. TEMPO_RING_ROUNDS as for the other faults.
/// </summary>
public sealed class RingLinkTests
{
    private static readonly int Rounds =
        int.Parse(Environment.GetEnvironmentVariable("TEMPO_RING_ROUNDS") ?? "1", CultureInfo.InvariantCulture);
    private static readonly RingSettings ThreeCopies =
        new() { ReplicationFactor = 3, MaxBlockDuration = "3s", CompactionCycle = "1s", HasLinks = true };

    [Theory]
    [InlineData((int)LinkFault.RequestsVanish)]
    [InlineData((int)LinkFault.AnswersVanish)]
    [InlineData((int)(LinkFault.RequestsVanish | LinkFault.AnswersVanish))]
    public async Task A_node_that_the_others_do_not_reach_hides_and_loses_nothing(int fault)
    {
        await using var ring = await RingCluster.StartAsync(ThreeCopies);
        var ledger = new RingLedger();
        for (var round = 0; round < Rounds; round++)
        {
            var victim = ring.Nodes[round % 3];
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(ring.Nodes.Select(node => ledger.SendAsync(node, stop.Token)));
            await ledger.HasAsync(ledger.AcknowledgedTraces + 30);

            ring.Links[round % 3].Fault = (LinkFault)fault;
            await ledger.HasAsync(ledger.AcknowledgedTraces + 30);
            foreach (var node in ring.Nodes.Where(node => node != victim)) await ledger.CheckAsync(node, byId: 3);
            // It reaches the others, and asks them.
            await ledger.CheckAsync(victim, byId: 3);
            ring.Links[round % 3].Fault = LinkFault.None;

            await stop.CancelAsync();
            await load;
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        }

        ledger.Report($"a node that the others do not reach: {(LinkFault)fault}", Rounds);
    }

    [Fact]
    public async Task A_node_that_etcd_does_not_hear_is_forgotten_and_taken_back_and_its_spans_are_there()
    {
        await using var ring = await RingCluster.StartAsync(ThreeCopies);
        var ledger = new RingLedger();
        for (var round = 0; round < Rounds; round++)
        {
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(ring.Nodes.Select(node => ledger.SendAsync(node, stop.Token)));
            await ledger.HasAsync(ledger.AcknowledgedTraces + 30);

            ring.EtcdLinks[round % 3].Fault = LinkFault.RequestsVanish | LinkFault.AnswersVanish;
            var others = ring.Nodes.Where((_, index) => index != round % 3).ToArray();
            foreach (var node in others) await ring.SeesAsync(node, "ACTIVE", 2);
            await ledger.HasAsync(ledger.AcknowledgedTraces + 30);
            // It lives, takes spans, and does not know that it is forgotten.
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node, byId: 3);

            ring.EtcdLinks[round % 3].Fault = LinkFault.None;
            foreach (var node in ring.Nodes) await ring.SeesAsync(node, "ACTIVE", 3);
            await stop.CancelAsync();
            await load;
            foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        }

        ledger.Report("a node that etcd does not hear", Rounds);
    }

    [Fact]
    public async Task A_node_that_the_others_speak_another_version_with_says_so_and_nothing_acknowledged_is_lost()
    {
        await using var ring = await RingCluster.StartAsync(ThreeCopies);
        var ledger = new RingLedger();
        foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 3);
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(ring.Nodes.Select(node => ledger.SendAsync(node, stop.Token)));

        ring.Links[0].Fault = LinkFault.NextVersion;
        var others = ring.Nodes.Skip(1).ToArray();
        foreach (var node in others)
            await Eventually.HoldsAsync("its log says why it does not talk to the node",
                () => node.Log.Contains(
                    "400: tempo-1 speaks version 3 of the protocol between nodes and was asked in that of /tempo.peer/v4/",
                    StringComparison.Ordinal));
        await ledger.HasAsync(ledger.AcknowledgedTraces + 50);
        foreach (var node in others) await ledger.CheckAsync(node, byId: 3);

        // Upgraded: it speaks the version of the others.
        ring.Links[0].Fault = LinkFault.None;
        await ledger.HasAsync(ledger.AcknowledgedTraces + 30);
        await stop.CancelAsync();
        await load;
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node);
        ledger.Report("a node of another version, and of the same again", 1);
    }

    [Fact]
    public async Task Slow_links_change_no_answer()
    {
        // On a machine that is busy, too, what is late is the link's fifth of a second.
        await using var ring = await RingCluster.StartAsync(ThreeCopies with { PeerTimeout = "60s" });
        var ledger = new RingLedger();
        foreach (var link in ring.Links) link.Fault = LinkFault.Slow;
        foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 3);
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node, byId: 3);
        Assert.Equal(0, ledger.Refused);
        ledger.Report("a fifth of a second on each link", 1);
    }

    [Fact]
    public async Task Nodes_know_each_other_by_certificates_and_no_one_else()
    {
        using var certificates = new TestCertificates();
        certificates.WriteServer("node");
        certificates.WriteClient("node");
        await using var ring = await RingCluster.StartAsync(new RingSettings { ReplicationFactor = 3, Certificates = certificates });
        var ledger = new RingLedger();
        foreach (var node in ring.Nodes) await ledger.SendAsync(node, requests: 3);
        foreach (var node in ring.Nodes) await ledger.CheckAsync(node, byId: 3);

        // The right secret, and certificates of another root: it reads etcd, and neither hears nor is heard.
        using var others = new TestCertificates("another root");
        others.WriteServer("stranger");
        others.WriteClient("stranger");
        var stranger = ring.Prepare();
        await File.WriteAllTextAsync(stranger.ConfigFile,
            (await File.ReadAllTextAsync(stranger.ConfigFile)).Replace(
                Path.GetDirectoryName(certificates.CertFile)!, Path.GetDirectoryName(others.CertFile)!, StringComparison.Ordinal));
        stranger.StartWithoutWaiting();
        foreach (var node in (TempoProcess[])[stranger, ring.Nodes[0]])
            await Eventually.HoldsAsync("it says why they do not talk",
                () => node.Log.Contains("does not answer", StringComparison.Ordinal)
                    && node.Log.Contains("certificate", StringComparison.Ordinal));
        await ring.SeesAsync(ring.Nodes[0], "ACTIVE", 3);
        foreach (var node in ring.Nodes.Take(3)) await ledger.CheckAsync(node, byId: 3);
    }
}
