using System.Collections;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Queries;
using Tempo.Engine.Storage.Live;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests.Peers;

/// <summary>
/// Copies of other nodes' live data: each span once, whoever has it, and all that was acknowledged before a query began is among its sources, whatever goes on meanwhile.
/// </summary>
public sealed class PeerMirrorTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(1);
    private static readonly PeerWait ForAll = new(new LiveNodes(static _ => false), TimeProvider.System);
    private readonly CounterFamily _spans = new MetricRegistry().Counter("spans", "", "outcome");
    private ulong _lastSpan;

    [Fact]
    public async Task Of_what_three_nodes_have_nothing_is_copied_and_of_what_two_others_have_one_copy()
    {
        LiveNode[] nodes = [new("a"), new("b"), new("c")];
        var mirrors = MirrorsOf(nodes[0]);
        for (var i = 0; i < 50; i++) Send(nodes, i % 2 == 0 ? [0, 1, 2] : [1, 2]);
        var parts = await AskAsync(mirrors, nodes);
        Assert.Equal(25, parts.Sum(static part => part.Live.Sum(static view => view.SpanCount)));
        Assert.Equal((25, 75), (_spans.With("copied").Value, _spans.With("known").Value));

        // What this node has had is its own when it is a block, too.
        Send(nodes, [0]);
        var late = _lastSpan;
        nodes[0].Cut();
        nodes[1].Append(late);
        nodes[2].Append(late);
        parts = await AskAsync(mirrors, nodes);
        Assert.Equal(25, parts.Sum(static part => part.Live.Sum(static view => view.SpanCount)));
    }

    [Fact]
    public async Task What_one_had_claimed_that_does_not_answer_comes_from_another()
    {
        LiveNode[] nodes = [new("a"), new("b"), new("c")];
        var mirrors = MirrorsOf(nodes[0]);
        for (var i = 0; i < 200; i++) Send(nodes, [1, 2]);
        var first = await AskAsync(mirrors, nodes);
        Assert.Equal(200, first.Sum(static part => part.Live.Sum(static view => view.SpanCount)));
        var claimer = first.MaxBy(static part => part.Live.Sum(static view => view.SpanCount))!.Peer;
        mirrors.Judge(claimer.Name, isInTime: false);
        var rest = await AskAsync(mirrors, [.. nodes.Where(node => node != claimer)]);
        Assert.Equal(200, rest.Sum(static part => part.Live.Sum(static view => view.SpanCount)));
    }

    [Fact]
    public async Task One_that_is_late_each_time_does_not_make_others_copy_everything_each_time()
    {
        LiveNode[] nodes = [new("a"), new("b"), new("c")];
        var mirrors = MirrorsOf(nodes[0]);
        long before = 0;
        for (var query = 0; query < 20; query++)
        {
            for (var i = 0; i < 30; i++) Send(nodes, [1, 2]);
            var asked = mirrors.Refresh(nodes[1..]);
            await Task.WhenAll(asked.Select(static one => one.Part));
            mirrors.Judge("b", isInTime: false); // it has answered, and nobody waited for it
            var inTime = new List<PeerPart> { await asked[1].Part };
            mirrors.Judge("c", isInTime: true);
            Assert.Empty(await PeerParts.CompleteAsync(inTime, ["b"], ForAll, default));
            Assert.Equal(30 * (query + 1), inTime.Sum(static part => part.Live.Sum(static view => view.SpanCount)));
            var copied = _spans.With("copied").Value;
            Assert.InRange(copied - before, 30, 60);
            before = copied;
        }
    }

    [Fact]
    public async Task A_turn_that_begins_between_two_of_a_query_is_not_joined()
    {
        LiveNode[] nodes = [new("a"), new("b"), new("c")];
        var (b, c) = (nodes[1], nodes[2]);
        var mirrors = MirrorsOf(nodes[0]);
        var earlier = await AskAsync(mirrors, nodes);

        // A question to c is on its way, so that whoever asks it now waits for the next one. Then the span is acknowledged: c has it, b's copy is late.
        var hasAnswered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        c.Answered = () =>
        {
            c.Answered = null;
            Send(nodes, [2]);
            c.Answers = new Gate();
            hasAnswered.SetResult();
        };
        var onItsWay = mirrors.Refresh([c])[0].Part;
        await hasAnswered.Task.WaitAsync(Hang);

        // Another query asks both once more while this one has asked b and not yet c.
        b.Answers = new Gate();
        Task<PeerPart>[] others = [];
        var other = new Thread(() => others = [.. earlier.Select(static part => part.Mirror!.RefreshAsync())]);
        var asked = mirrors.Refresh(new WithPause(b, () => StartAndWait(other), c));
        Assert.True(other.Join(Hang));
        b.Asked = _ =>
        {
            if (asked[0].Part.IsCompleted && !b.All.Any()) b.Append(_lastSpan);
        };
        Assert.Equal(0, CountOf(await b.Answers.OpenUntilAsync(asked[0].Part).WaitAsync(Hang)));
        Assert.Equal(1, CountOf(await b.Answers.OpenUntilAsync(others[0]).WaitAsync(Hang)));
        Assert.Equal(0, CountOf(await c.Answers!.OpenUntilAsync(onItsWay).WaitAsync(Hang)));
        Assert.Equal(1, CountOf(await c.Answers.OpenUntilAsync(asked[1].Part).WaitAsync(Hang)));
    }

    // Until it has ended, or waits for a lock.
    private static void StartAndWait(Thread thread)
    {
        thread.Start();
        while (thread.IsAlive && (thread.ThreadState & ThreadState.WaitSleepJoin) == 0) Thread.Yield();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_goes_on_meanwhile_nothing_acknowledged_is_missing(int seed)
    {
        for (var run = 0; run < 100; run++) await LiveAsync(new Random(seed * 1000 + run));
    }

    // Spans to three of four nodes, one copy of them late, cuts, queries beside each other, one node that may fail, one that begins anew, answers in any order.
    private async Task LiveAsync(Random random)
    {
        LiveNode[] nodes = [new("a"), new("b"), new("c"), new("d")];
        var late = new List<(int Node, ulong Span)>();
        foreach (var node in nodes) node.Answers = new Gate();
        var mirrors = MirrorsOf(nodes[0]);
        var acknowledged = new HashSet<ulong>();
        var queries = new List<Task>();
        for (var step = 0; step < 400 || queries.Exists(static query => !query.IsCompleted); step++)
        {
            switch (random.Next(step < 400 ? 12 : 4))
            {
                case < 4:
                    foreach (var node in nodes) node.Answers!.OpenOne(random);
                    break;
                case < 8:
                    int[] owners = [0, 1, 2, 3];
                    random.Shuffle(owners);
                    acknowledged.Add(Send(nodes, owners[..2]));
                    late.Add((owners[2], _lastSpan));
                    if (random.Next(3) > 0) break;
                    foreach (var (node, span) in late) nodes[node].Append(span);
                    late.Clear();
                    break;
                case 8:
                    if (random.Next(3) == 0) nodes[random.Next(4)].Cut();
                    else if (random.Next(8) == 0) nodes[random.Next(1, 4)].Restart();
                    break;
                case 9:
                    foreach (var node in nodes) node.IsDown = false;
                    nodes[random.Next(4)].IsDown = random.Next(3) == 0;
                    break;
                default:
                    if (queries.Count(static query => !query.IsCompleted) < 4) queries.Add(QueryAsync(mirrors, nodes, [.. acknowledged]));
                    break;
            }

            await Task.Yield();
        }

        await Task.WhenAll(queries);
    }

    private static async Task QueryAsync(TenantMirrors mirrors, LiveNode[] nodes, ulong[] acknowledged)
    {
        var parts = new List<PeerPart>();
        var silent = new HashSet<string>();
        foreach (var (peer, part) in mirrors.Refresh(nodes[1..]))
        {
            try
            {
                parts.Add(await part);
                mirrors.Judge(peer.Name, isInTime: true);
            }
            catch (PeerException)
            {
                mirrors.Judge(peer.Name, isInTime: false);
                silent.Add(peer.Name);
            }
        }

        await PeerParts.CompleteAsync(parts, silent, ForAll, default);
        if (silent.Count > 1) return; // an answer that says that it is partial
        var found = parts.SelectMany(static part => part.Live).SelectMany(static view => view.Columns.SpanId.Take(view.SpanCount)).ToHashSet();
        found.UnionWith(nodes[0].All);
        foreach (var part in parts) found.UnionWith(((LiveNode)part.Peer).Blocks);
        Assert.Empty(acknowledged.Except(found));
    }

    private static int CountOf(PeerPart part) => part.Live.Sum(static view => view.SpanCount);

    private async Task<List<PeerPart>> AskAsync(TenantMirrors mirrors, IReadOnlyList<LiveNode> nodes)
    {
        var parts = new List<PeerPart>();
        foreach (var (_, part) in mirrors.Refresh([.. nodes.Where(static node => node.Name != "a")])) parts.Add(await part);
        Assert.Empty(await PeerParts.CompleteAsync(parts, [], ForAll, default));
        return parts;
    }

    private TenantMirrors MirrorsOf(LiveNode node)
    {
        var mirrors = new TenantMirrors(TenantId.Single, node.State, new KnownSpans(1 << 20, TimeProvider.System), _spans, TimeProvider.System);
        node.State.Leaving += mirrors.NoteOwn;
        return mirrors;
    }

    private ulong Send(LiveNode[] nodes, int[] owners)
    {
        _lastSpan++;
        foreach (var owner in owners) nodes[owner].Append(_lastSpan);
        return _lastSpan;
    }

    /// <summary>Two nodes, and what goes on between them for whoever takes one after the other.</summary>
    private sealed class WithPause(IPeer first, Action pause, IPeer second) : IReadOnlyList<IPeer>
    {
        public int Count => 2;

        public IPeer this[int index] => index == 0 ? first : second;

        public IEnumerator<IPeer> GetEnumerator()
        {
            yield return first;
            pause();
            yield return second;
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
