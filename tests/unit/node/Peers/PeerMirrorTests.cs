using System.Collections;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Queries;

namespace Tempo.Node.Tests.Peers;

/// <summary>
/// Copies of other nodes' live data: each span once, whoever has it, and all that was acknowledged before a query began is among its
/// sources, whatever goes on meanwhile.
/// </summary>
public sealed class PeerMirrorTests
{
    private readonly Asker _asker = new();
    private readonly LiveNode[] _nodes;
    private ulong _lastSpan;

    public PeerMirrorTests() => _nodes = [_asker.Node, new("b"), new("c"), new("d")];

    [Fact]
    public async Task Of_what_three_nodes_have_nothing_is_copied_and_of_what_two_others_have_one_copy()
    {
        for (var i = 0; i < 50; i++) Send(i % 2 == 0 ? [0, 1, 2] : [1, 2]);
        Assert.Equal(25, Asker.IdsOf((await _asker.AskAsync(_nodes[1..3])).Parts).Count());
        Assert.Equal((25, 75), _asker.Counts);

        // What this node has had is its own when it is a block, too.
        var late = Send(0);
        _nodes[0].Cut();
        _nodes[1].Append(late);
        _nodes[2].Append(late);
        Assert.Equal(25, Asker.IdsOf((await _asker.AskAsync(_nodes[1..3])).Parts).Count());
    }

    [Fact]
    public async Task What_one_had_claimed_that_does_not_answer_comes_from_another()
    {
        for (var i = 0; i < 200; i++) Send(1, 2);
        var first = await _asker.AskAsync(_nodes[1..3]);
        Assert.Equal(200, Asker.IdsOf(first.Parts).Count());
        var claimer = first.Parts.MaxBy(Asker.CountOf)!.Peer;
        _asker.Judge([claimer], claimer.Name);
        Assert.Equal(200, Asker.IdsOf((await _asker.AskAsync(claimer == _nodes[1] ? _nodes[2] : _nodes[1])).Parts).Count());
    }

    [Fact]
    public async Task One_that_is_late_each_time_does_not_make_others_copy_everything_each_time()
    {
        var (b, c) = (_nodes[1], _nodes[2]);
        for (var query = 1; query <= 20; query++)
        {
            for (var i = 0; i < 30; i++) Send(1, 2);
            var before = _asker.Counts.Copied;
            var asked = _asker.Refresh(b, c);
            await Task.WhenAll(asked).WaitAsync(Asker.Hang);
            var inTime = Asker.Query("b"); // it has answered, and nobody waited for it
            await inTime.TakeAsync(new Dictionary<IPeer, Task<PeerPart[]>> { [c] = Task.WhenAll(asked[1]) }, default);
            await inTime.CompleteAsync(default).WaitAsync(Asker.Hang);
            _asker.Judge([b, c], inTime.Silent);
            Assert.Empty(inTime.Failure);
            Assert.Equal(30 * query, Asker.IdsOf(inTime.Parts).Count());
            Assert.InRange(_asker.Counts.Copied - before, 30, 60);
        }
    }

    [Fact]
    public async Task A_turn_that_begins_between_two_of_a_query_is_not_joined()
    {
        var (b, c) = (_nodes[1], _nodes[2]);
        var earlier = (await _asker.AskAsync(b, c)).Parts;

        // A question to c is on its way, so that whoever asks it now waits for the next one. Then the span is acknowledged: c has it, b's
        // copy is late.
        var hasAnswered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        c.Answered = () =>
        {
            c.Answered = null;
            Send(2);
            c.Answers = new Gate();
            hasAnswered.SetResult();
        };
        var onItsWay = _asker.Refresh(c)[0];
        await hasAnswered.Task.WaitAsync(Asker.Hang);

        // Another query asks both once more while this one has asked b and not yet c.
        b.Answers = new Gate();
        Task<PeerPart>[] others = [];
        var other = new Thread(() => others = [.. earlier.Select(static part => part.Mirror!.RefreshAsync())]);
        var asked = _asker.Refresh(new WithPause(b, () => StartAndWait(other), c));
        Assert.True(other.Join(Asker.Hang));
        b.Asked = _ =>
        {
            if (asked[0].IsCompleted && !b.All.Any()) b.Append(_lastSpan);
        };
        Assert.Equal(0, Asker.CountOf(await b.Answers.OpenUntilAsync(asked[0]).WaitAsync(Asker.Hang)));
        Assert.Equal(1, Asker.CountOf(await b.Answers.OpenUntilAsync(others[0]).WaitAsync(Asker.Hang)));
        Assert.Equal(0, Asker.CountOf(await c.Answers!.OpenUntilAsync(onItsWay).WaitAsync(Asker.Hang)));
        Assert.Equal(1, Asker.CountOf(await c.Answers.OpenUntilAsync(asked[1]).WaitAsync(Asker.Hang)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_goes_on_meanwhile_nothing_acknowledged_is_missing(int seed)
    {
        for (var run = 0; run < 100; run++) await new PeerMirrorTests().LiveAsync(new Random(seed * 1000 + run));
    }

    // Spans to three of four nodes, one copy of them late, cuts, queries beside each other, one node that may fail, one that begins anew,
    // too little memory, answers in any order.
    private async Task LiveAsync(Random random)
    {
        var late = new List<(int Node, ulong Span)>();
        foreach (var node in _nodes) node.Answers = new Gate();
        var acknowledged = new List<(ulong Span, LiveNode[] Owners)>();
        var queries = new List<Task>();
        for (var step = 0; step < 400 || queries.Exists(static query => !query.IsCompleted); step++)
        {
            switch (random.Next(step < 400 ? 12 : 4))
            {
                case < 4:
                    foreach (var node in _nodes) node.Answers!.OpenOne(random);
                    break;
                case < 8:
                    int[] owners = [0, 1, 2, 3];
                    random.Shuffle(owners);
                    acknowledged.Add((Send(owners[..2]), [_nodes[owners[0]], _nodes[owners[1]]]));
                    late.Add((owners[2], _lastSpan));
                    if (random.Next(3) > 0) break;
                    foreach (var (node, span) in late) _nodes[node].Append(span);
                    late.Clear();
                    break;
                case 8:
                    if (random.Next(3) == 0) _nodes[random.Next(4)].Cut();
                    else if (random.Next(8) == 0) _nodes[random.Next(1, 4)].Restart();
                    else if (random.Next(8) == 0) _asker.Known.LetGo();
                    break;
                case 9:
                    foreach (var node in _nodes) node.IsDown = false;
                    _nodes[random.Next(4)].IsDown = random.Next(3) == 0;
                    break;
                default:
                    if (queries.Count(static query => !query.IsCompleted) < 4) queries.Add(QueryAsync([.. acknowledged]));
                    break;
            }

            await Task.Yield();
        }

        await Task.WhenAll(queries);
    }

    private async Task QueryAsync((ulong Span, LiveNode[] Owners)[] acknowledged)
    {
        var query = Asker.Query();
        await _asker.TakeAsync(query, _nodes[1..]);
        await query.CompleteAsync(default);
        _asker.Judge(_nodes[1..], query.Silent);
        var found = Asker.IdsOf(query.Parts).ToHashSet();
        found.UnionWith(_nodes[0].All);
        foreach (var part in query.Parts) found.UnionWith(((LiveNode)part.Peer).Blocks);

        // What is on silent nodes alone may be missing, and the answer says so.
        Assert.Empty(acknowledged.Where(span => !span.Owners.All(owner => query.Silent.Contains(owner.Name)))
            .Select(static span => span.Span).Except(found));
    }

    // Until it has ended, or waits for a lock.
    private static void StartAndWait(Thread thread)
    {
        thread.Start();
        while (thread.IsAlive && (thread.ThreadState & ThreadState.WaitSleepJoin) == 0) Thread.Yield();
    }

    private ulong Send(params int[] owners)
    {
        _lastSpan++;
        foreach (var owner in owners) _nodes[owner].Append(_lastSpan);
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
