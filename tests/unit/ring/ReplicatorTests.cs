using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Ring.Hashing;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;
using Tempo.Ring.Replication;
using Tempo.Ring.Routing;

namespace Tempo.Ring.Tests;

/// <summary>
/// Who is given which spans, and what the sender is told. A real node admits; the owners answer what the test has them answer.
/// </summary>
public sealed class ReplicatorTests : IAsyncLifetime
{
    private static readonly IngestOutcome Down = new(IngestStatus.Unavailable, 0, 0, "down") { RetryAfter = TimeSpan.FromSeconds(1) };
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-replicator-").FullName;
    private TempoNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await TempoNode.StartAsync(
        new NodeOptions { WalPath = Path.Combine(_folder, "wal"), BlocksPath = Path.Combine(_folder, "blocks") }, new MetricRegistry(),
        Log.Null, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 1)]
    [InlineData(3, 3)]
    [InlineData(7, 3)]
    public async Task Each_span_goes_to_the_owners_of_its_trace(int members, int copies)
    {
        var cluster = new Cluster(members, copies);
        var traces = Enumerable.Range(1, 40).Select(static i => new TraceId((ulong)i * 7919, (ulong)i)).ToArray();
        var outcome = await SendAsync(cluster, [.. traces, .. traces]);
        Assert.Equal((IngestStatus.Accepted, 80, 0, ""), (outcome.Status, outcome.AcceptedSpans, outcome.RejectedSpans, outcome.Message));
        await cluster.QuietAsync();
        foreach (var trace in traces)
        {
            var owners = cluster.Ring.OwnersOf(RingHash.Of(RingHash.OfText(TenantId.Single.Value), trace));
            var holders = cluster.Members.Where(member => member.Spans.Contains(trace)).ToArray();
            Assert.Equal(
                owners.Owners.Take(copies).Select(static owner => owner.Id).Order(), holders.Select(static holder => holder.Name).Order());
            Assert.All(holders, holder => Assert.Equal(2, holder.Spans.Count(span => span == trace)));
            Assert.Single(holders, holder => holder.Counted.Contains(trace)); // in the metrics from spans
        }
    }

    [Fact]
    public async Task Two_of_three_are_a_quorum_and_one_is_not()
    {
        var cluster = new Cluster(3, 3);
        cluster.Members[1].Answer = static _ => Down;
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(cluster, [new TraceId(1, 1)])).Status);
        cluster.Members[2].Answer = static _ => Down;
        var refused = await SendAsync(cluster, [new TraceId(1, 2)]);
        Assert.Equal((IngestStatus.Unavailable, 0, 1), (refused.Status, refused.AcceptedSpans, refused.RejectedSpans));
        Assert.True(refused.RetryAfter > TimeSpan.Zero);
        Assert.Contains("1 of 3 owners", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_members_of_which_one_is_down_are_no_quorum_of_three_copies()
    {
        var cluster = new Cluster(2, 3);
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(cluster, [new TraceId(1, 1)])).Status);
        cluster.Members[0].Answer = static _ => Down;
        Assert.Equal(IngestStatus.Unavailable, (await SendAsync(cluster, [new TraceId(1, 2)])).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Another_member_stands_in_for_an_owner(bool isKnownToBeDown)
    {
        var cluster = new Cluster(4, 1);
        var trace = new TraceId(3, 3);
        var owner = cluster.Member(cluster.Ring.OwnersOf(RingHash.Of(RingHash.OfText(TenantId.Single.Value), trace)).Owners[0].Id);
        owner.Answer = static _ => Down;
        owner.IsSuspect = isKnownToBeDown;
        var outcome = await SendAsync(cluster, [trace]);
        Assert.Equal((IngestStatus.Accepted, 1), (outcome.Status, outcome.AcceptedSpans));
        Assert.Equal(isKnownToBeDown ? 0 : 1, owner.Spans.Count);
        Assert.Single(cluster.Members, member => member != owner && member.Spans.Contains(trace));
    }

    [Fact]
    public async Task Spans_without_ids_are_refused_here_and_the_rest_is_stored()
    {
        var cluster = new Cluster(3, 3);
        var outcome = await SendAsync(cluster, [new TraceId(1, 1), default, new TraceId(1, 2)]);
        Assert.Equal((IngestStatus.Accepted, 2, 1), (outcome.Status, outcome.AcceptedSpans, outcome.RejectedSpans));
        await cluster.QuietAsync();
        Assert.All(cluster.Members, static member => Assert.Equal(2, member.Spans.Count));
        Assert.Equal(IngestStatus.Invalid, (await SendAsync(cluster, [default])).Status);
    }

    [Fact]
    public async Task What_a_quorum_did_not_take_was_not_accepted()
    {
        // Limits on traces are held by each owner for itself, and may differ by what came when.
        var cluster = new Cluster(3, 3);
        for (var i = 0; i < 3; i++)
        {
            var rejected = i;
            cluster.Members[i].Answer =
                spans => new IngestOutcome(IngestStatus.Accepted, spans - rejected, rejected, rejected == 0 ? "" : "too large");
        }

        var outcome = await SendAsync(cluster, [new TraceId(1, 1), new TraceId(1, 1), new TraceId(1, 1)]);
        Assert.Equal(3, outcome.AcceptedSpans + outcome.RejectedSpans);
        Assert.True(outcome.RejectedSpans >= 1); // two answers decide, and at least one of any two refused some
    }

    [Fact]
    public async Task An_owner_that_is_slow_does_not_keep_the_sender_waiting_and_reads_what_it_was_given()
    {
        var cluster = new Cluster(3, 3);
        var gate = new TaskCompletionSource();
        cluster.Members[0].Gate = gate.Task;
        Assert.Equal(IngestStatus.Accepted, (await SendAsync(cluster, [new TraceId(1, 1)])).Status);
        for (var i = 2; i < 10; i++) await SendAsync(cluster, [new TraceId(1, (ulong)i)]); // buffers are used again
        gate.SetResult();
        await cluster.QuietAsync();
        Assert.Equal(Enumerable.Range(1, 9).Select(static i => new TraceId(1, (ulong)i)), cluster.Members[0].Spans.Order());
    }

    private async Task<IngestOutcome> SendAsync(Cluster cluster, TraceId[] spans)
    {
        using var request = new NativeBuffer();
        BareSpans.Write(request, spans);
        var table = new RoutingTable(
            cluster.Ring, cluster.Members.ToDictionary(static member => member.Name, static member => (IMember)member), static _ => 0);
        return await new Replicator(_node, () => table, new ReplicationMetrics(new MetricRegistry()), TimeSpan.FromSeconds(30),
            TimeProvider.System).IngestAsync(TenantId.Single, request);
    }

    private sealed class Cluster
    {
        public Cluster(int members, int copies)
        {
            Members = [.. Enumerable.Range(1, members).Select(static i => new ScriptedMember($"tempo-{i}"))];
            Ring = TokenRing.Of(
                Members.Select(static member => new Member(member.Name, "127.0.0.1:1", "", MemberState.Active, MemberRoles.Holder)),
                copies);
        }

        public ScriptedMember[] Members { get; }

        public TokenRing Ring { get; }

        public ScriptedMember Member(string name) => Members.Single(member => member.Name == name);

        /// <summary>Those that were not waited for are done, too.</summary>
        public Task QuietAsync() => Task.WhenAll(Members.SelectMany(static member => member.Calls));
    }

    private sealed class ScriptedMember(string name) : IMember
    {
        public string Name { get; } = name;

        public bool IsSuspect { get; set; }

        public Func<int, IngestOutcome> Answer { get; set; } = static spans => new IngestOutcome(IngestStatus.Accepted, spans, 0, "");

        public Task Gate { get; set; } = Task.CompletedTask;

        public ConcurrentBag<TraceId> Spans { get; } = [];

        public ConcurrentBag<TraceId> Counted { get; } = [];

        public ConcurrentBag<Task> Calls { get; } = [];

        public Task<IngestOutcome> IngestAsync(TenantId tenant, SharedRequest request, bool isCounted)
        {
            var call = TakeAsync(request, isCounted);
            Calls.Add(call);
            return call;
        }

        private async Task<IngestOutcome> TakeAsync(SharedRequest request, bool isCounted)
        {
            await Gate;
            var sink = new SpanSink(this, isCounted);
            Assert.True(OtlpTraceReader.TryRead(request.Buffer.Written, ref sink, out _));
            request.Release();
            return Answer(sink.Count);
        }
    }

    private struct SpanSink(ScriptedMember member, bool isCounted) : IOtlpTraceSink
    {
        public int Count { get; private set; }

        public readonly bool BeginResource(ReadOnlySpan<byte> message) => false;

        public readonly void EndResource(uint droppedAttributesCount)
        {
        }

        public readonly bool BeginScope(ReadOnlySpan<byte> message) => false;

        public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
        {
        }

        public readonly void BeginSpan()
        {
        }

        public void EndSpan(in SpanFields fields)
        {
            Count++;
            member.Spans.Add(TraceId.Read(fields.TraceId));
            if (isCounted) member.Counted.Add(TraceId.Read(fields.TraceId));
        }

        public readonly void BeginEvent()
        {
        }

        public readonly void EndEvent(in EventFields fields)
        {
        }

        public readonly void BeginLink()
        {
        }

        public readonly void EndLink(in LinkFields fields)
        {
        }

        public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
        {
        }
    }
}
